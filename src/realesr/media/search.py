"""Finds the files of a media type in folders and patterns, by name or, failing that, by content."""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from realesr.errors import RealesrError, UnreadableMediaError, UnsupportedMediaError
from realesr.media.animations.content import is_animated
from realesr.media.content import content_of
from realesr.media.formats import STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.media.listing import Kind, listed
from realesr.media.real_paths import RealPaths
from realesr.media.series.names import is_series
from realesr.media.shards import is_in_shard
from realesr.media.urls import UrlPath, is_url
from realesr.options import FileOptions
from realesr.special import special_kind
from realesr.spool import Spool

_AUDIO_SUFFIXES = frozenset(
    (
        ".mka",
        ".m4a",
        ".m4b",
        ".m4r",
        ".wma",
        ".oga",
        ".opus",
        ".spx",
        ".weba",
        ".ra",
        ".aac",
        ".mp3",
    )
)
"""Suffixes of sound, whose containers are those of videos."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that becomes a job.

    Attributes:
        path: The file; ``-`` is standard input.
        suffix: The suffix that stands for its format; empty for a stream of unknown content.
        below: The searched folder that it was found in, or None.
        real: Its path without links, which identifies it.
        size_bytes: Size of an object, bytes; None for a file.
    """

    path: Path
    suffix: str
    below: Path | None
    real: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An input that cannot be taken, with the reason."""

    source: Path
    error: RealesrError


class PathList:
    """A list of paths that lies on the disk if it is long."""

    def __init__(self) -> None:
        self._spool = Spool()

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Path]:
        return (UrlPath(text) if is_object else Path(text) for text, is_object in self._spool)

    def append(self, path: Path) -> None:
        """Adds a path."""
        self._spool.append((str(path), is_url(path)))


@dataclass(slots=True)
class Findings:
    """What the inputs of a run are, besides files to take.

    Attributes:
        others: Files in folders that are not of the media type.
        special: Links, FIFOs, sockets and devices in folders that are left out, each with its kind.
        refused: Inputs, and parts of searched folders, that cannot be taken.
    """

    others: PathList = field(default_factory=PathList)
    special: list[tuple[Path, str]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


class Search:
    """Looks for the inputs of a run.

    Args:
        options: Inputs and output.
        media_type: Images or videos.
    """

    def __init__(self, options: FileOptions, media_type: AnyMediaType) -> None:
        self.real_path = RealPaths()
        self.found = Findings()
        self._options = options
        self._media_type = media_type
        self._sure = frozenset(media_type.suffixes) - frozenset(
            (*media_type.unsure_suffixes, *media_type.animated_suffixes)
        )
        self._suffixes = frozenset(media_type.suffixes)
        self._output = os.path.realpath(options.output)
        self._shard = options.shard

    def sources(self) -> Iterator[Source]:
        """Looks at all inputs, and yields files in order; overlapping inputs give some twice.

        :attr:`found` is complete at the end.
        """
        for path in self._options.inputs:
            if is_url(path):
                yield from self._remote(path)
                continue
            if path == STANDARD_STREAM:
                yield Source(path, self._media_type.default_suffix, None, str(path))
                continue
            if self._media_type is VIDEOS and _is_film_of_frames(path):
                yield Source(path, VIDEOS.default_suffix, None, os.path.realpath(path))
                continue
            try:
                mode = path.stat().st_mode
            except OSError as error:
                yield from self._missing(path, error)
                continue
            if stat.S_ISDIR(mode):
                yield from self._folder(path)
            elif is_in_shard(path.name, self._shard):
                yield from self._named(path, mode)

    def _refuse(self, path: Path, error: RealesrError) -> None:
        self.found.refused.append(Refusal(path, error))

    def _missing(self, path: Path, error: OSError) -> Iterator[Source]:
        """Takes an input that does not exist for a pattern, if it can be one."""
        if error.errno != errno.ENOENT:
            self._refuse(path, UnreadableMediaError(f"{path}: {error.strerror}"))
        elif any(sign in str(path) for sign in "*?["):
            yield from self._pattern(path)
        else:
            self._refuse(path, UnreadableMediaError(f"{path}: no such file or folder"))

    def _named(self, path: Path, mode: int) -> Iterator[Source]:
        """Looks at a file that is named itself."""
        kind = special_kind(mode)
        if kind is not None:
            if kind == "a FIFO" and self._media_type is not VIDEOS:
                yield Source(path, path.suffix.lower(), None, self.real_path(path))
                return
            reason = f"{path}: is {kind}, and no file that {self._media_type.one} can be read from"
            self._refuse(path, UnsupportedMediaError(reason))
            return
        # A name that says so is enough here: a damaged file gets a reason from its decoder.
        suffix = path.suffix.lower()
        is_known = suffix in self._suffixes and suffix not in self._media_type.animated_suffixes
        known = suffix if is_known else self._suffix_by_content(path)
        if known is None:
            self._refuse(path, self._foreign(path))
        else:
            yield Source(path, known, None, self.real_path(path))

    def _foreign(self, path: Path) -> RealesrError:
        content = content_of(path)
        try:
            self._media_type.check_readable(path, content=content.suffix if content else None)
        except UnsupportedMediaError as error:
            return error
        return UnsupportedMediaError(f"{path}: is not {self._media_type.one}")

    def _pattern(self, pattern: Path) -> Iterator[Source]:
        is_empty = True
        # Path.glob takes no absolute patterns.
        for name in sorted(glob.glob(str(pattern), recursive=True)):  # noqa: PTH207
            path = Path(name)
            if not is_in_shard(path.name, self._shard):
                continue
            try:
                mode = path.stat().st_mode
            except OSError as error:
                self._trouble(path, error)
                continue
            source = self._looked_at(path, mode, None, None)
            if source is not None:
                is_empty = False
                yield source
        if is_empty and self._shard is None:
            noun = self._media_type.noun
            self._refuse(pattern, UnreadableMediaError(f"{pattern}: no {noun} matches"))

    def _folder(self, folder: Path) -> Iterator[Source]:
        is_empty, refused = True, len(self.found.refused)
        for path, kind in self._entries(folder):
            is_link = kind is Kind.LINK
            try:
                mode = stat.S_IFREG if kind is Kind.FILE else path.stat().st_mode
            except OSError as error:
                self._trouble(path, error)
                continue
            if is_link and self._options.recursive and self._is_earlier_output(path, folder):
                continue
            source = self._looked_at(path, mode, folder, is_link)
            if source is not None:
                is_empty = False
                yield source
        is_empty = is_empty and refused == len(self.found.refused)
        if is_empty and not self._options.watch and self._shard is None:
            media_type = self._media_type
            self._refuse(
                folder,
                UnreadableMediaError(
                    f"{folder} holds no {media_type.noun}: looked for "
                    f"{', '.join(media_type.suffixes)}, and at the content of other files"
                ),
            )

    def _remote(self, url: Path) -> Iterator[Source]:
        """Looks at an object, or at what is below a prefix; names alone decide."""
        from realesr.media.remote import listed

        is_empty = True
        try:
            for path, below, size in listed(url, is_recursive=self._options.recursive):
                name = path.name if below is None else path.relative_to(below).as_posix()
                if not is_in_shard(name, self._shard):
                    continue
                suffix = path.suffix.lower()
                if suffix in self._suffixes:
                    is_empty = False
                    yield Source(path, suffix, below, str(path), size)
                else:
                    self.found.others.append(path)
        except RealesrError as error:
            self._refuse(url, error)
            return
        if is_empty and self._shard is None:
            noun = self._media_type.noun
            self._refuse(url, UnreadableMediaError(f"{url}: no {noun} is there"))

    def _entries(self, top: Path) -> Iterator[tuple[Path, Kind]]:
        """Yields what is in a folder, in order; searches its folders too if that is asked for."""
        levels = [(top, self._listed(top, top))]
        while levels:
            folder, entries = levels[-1]
            entry = next(entries, None)
            if entry is None:
                levels.pop()
                continue
            name, kind = entry
            path = folder / name
            if self._options.recursive and kind is Kind.FOLDER:
                if self.real_path(path, is_link=False) != self._output:
                    levels.append((path, self._listed(path, top)))
            else:
                yield path, kind

    def _listed(self, folder: Path, top: Path) -> Iterator[tuple[str, Kind]]:
        """Returns the entries of a folder by name, without hidden ones and those of other parts."""
        prefix = "" if folder == top else f"{folder.relative_to(top).as_posix()}/"

        def is_taken(name: str, kind: Kind) -> bool:
            if name.startswith("."):
                return False
            is_any = self._shard is None or kind is Kind.FOLDER
            return is_any or is_in_shard(prefix + name, self._shard)

        try:
            return listed(folder, is_taken)
        except OSError as error:
            self._refuse(folder, UnreadableMediaError(f"{folder}: {error.strerror}"))
            return iter(())

    def _is_earlier_output(self, path: Path, top: Path) -> bool:
        """Returns whether a link leads into the output folder, if that is below the input."""
        inside = self._output + os.sep
        is_below = self.real_path(top).startswith(inside) or self.real_path(top) == self._output
        return not is_below and os.path.realpath(path).startswith(inside)

    def _trouble(self, path: Path, error: OSError) -> None:
        """Notes a link that leads nowhere, or into a circle."""
        if path.suffix.lower() in self._suffixes:
            self._refuse(path, UnreadableMediaError(f"{path}: {error.strerror}"))
        else:
            self.found.special.append((path, "a link that leads nowhere"))

    def _looked_at(
        self, path: Path, mode: int, below: Path | None, is_link: bool | None
    ) -> Source | None:
        """Returns what was found in a folder or by a pattern, or notes why it is not taken."""
        kind = special_kind(mode)
        suffix: str | None = path.suffix.lower()
        if kind is not None:
            self.found.special.append((path, kind))
            return None
        if stat.S_ISDIR(mode):
            # One whose name has such a suffix becomes a job, and fails with an error message.
            if is_link and self._options.recursive:
                self.found.special.append((path, "a link to a folder, which is not followed"))
            if suffix not in self._suffixes or self._options.recursive:
                return None
        elif suffix not in self._sure:
            suffix = self._suffix_by_content(path)
            if suffix is None:
                self.found.others.append(path)
                return None
        return Source(path, suffix or "", below, self.real_path(path, is_link=is_link))

    def _suffix_by_content(self, path: Path) -> str | None:
        """Returns the suffix of a file's format; None if it is not of the media type."""
        content = content_of(path)
        if content is None:
            return None
        if content.suffix in self._media_type.animated_suffixes:
            return content.suffix if is_animated(path) else None
        if content.kind != self._media_type.noun:
            return None
        suffix = path.suffix.lower()
        if content.kind == "video" and suffix in _AUDIO_SUFFIXES:
            return None
        return suffix if suffix in self._suffixes else content.suffix


def _is_film_of_frames(path: Path) -> bool:
    """Returns whether an input is a pattern or a folder of frames, and no folder of videos."""
    if not is_series(path):
        return False
    if not os.path.isdir(path):  # noqa: PTH112 -- never raises
        return True
    try:
        return not any(VIDEOS.holds(each) for each in path.iterdir())
    except OSError:
        return False
