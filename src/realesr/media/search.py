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
from realesr.media.formats import IMAGES, STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.media.series.names import is_series
from realesr.media.shards import is_in_shard
from realesr.media.urls import is_url
from realesr.options import FileOptions
from realesr.special import special_kind

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
    """

    path: Path
    suffix: str
    below: Path | None
    real: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An input that cannot be taken, with the reason."""

    source: Path
    error: RealesrError


@dataclass(slots=True)
class Findings:
    """What the inputs of a run are.

    Attributes:
        sources: The files, in order and each once.
        others: Files in folders that are not of the media type.
        special: Links, FIFOs, sockets and devices in folders that are left out, each with its kind.
        refused: Inputs, and parts of searched folders, that cannot be taken.
    """

    sources: list[Source] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    special: list[tuple[Path, str]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


class RealPaths:
    """Paths without links: of a folder only the first time, so that deep trees cost little."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: Path, *, is_link: bool | None = None) -> str:
        """Returns the absolute path without links; a loop of links is left as it is.

        Args:
            path: Any path.
            is_link: Whether its last part is a link, if that is known.
        """
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.realpath(folder)
        joined = os.path.join(real, name)  # noqa: PTH118 -- many thousand times
        if os.path.islink(joined) if is_link is None else is_link:  # noqa: PTH114
            return os.path.realpath(joined)
        return joined


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
        self._seen: set[str] = set()
        self._shard = options.shard

    def run(self) -> Findings:
        """Looks at all inputs."""
        for path in self._options.inputs:
            if is_url(path):
                self._remote(path)
                continue
            if path == STANDARD_STREAM:
                self._add(path, self._media_type.default_suffix, None, str(path))
                continue
            if self._media_type is VIDEOS and _is_film_of_frames(path):
                self._add(path, VIDEOS.default_suffix, None, os.path.realpath(path))
                continue
            try:
                mode = path.stat().st_mode
            except OSError as error:
                self._missing(path, error)
                continue
            if stat.S_ISDIR(mode):
                self._folder(path)
            elif is_in_shard(path.name, self._shard):
                self._named(path, mode)
        return self.found

    def _add(self, path: Path, suffix: str, below: Path | None, real: str) -> None:
        """Adds a file, but not one that overlapping inputs have named before."""
        if real not in self._seen:
            self._seen.add(real)
            self.found.sources.append(Source(path, suffix, below, real))

    def _refuse(self, path: Path, error: RealesrError) -> None:
        self.found.refused.append(Refusal(path, error))

    def _missing(self, path: Path, error: OSError) -> None:
        """Takes an input that does not exist for a pattern, if it can be one."""
        if error.errno != errno.ENOENT:
            self._refuse(path, UnreadableMediaError(f"{path}: {error.strerror}"))
        elif any(sign in str(path) for sign in "*?["):
            self._pattern(path)
        else:
            self._refuse(path, UnreadableMediaError(f"{path}: no such file or folder"))

    def _named(self, path: Path, mode: int) -> None:
        """Looks at a file that is named itself."""
        kind = special_kind(mode)
        if kind is not None:
            if kind == "a FIFO" and self._media_type is IMAGES:
                self._add(path, path.suffix.lower(), None, self.real_path(path))
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
            self._add(path, known, None, self.real_path(path))

    def _foreign(self, path: Path) -> RealesrError:
        content = content_of(path)
        try:
            self._media_type.check_readable(path, content=content.suffix if content else None)
        except UnsupportedMediaError as error:
            return error
        return UnsupportedMediaError(f"{path}: is not {self._media_type.one}")

    def _pattern(self, pattern: Path) -> None:
        count = len(self.found.sources)
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
            self._look_at(path, mode, None, None)
        if len(self.found.sources) == count and self._shard is None:
            noun = self._media_type.noun
            self._refuse(pattern, UnreadableMediaError(f"{pattern}: no {noun} matches"))

    def _folder(self, folder: Path) -> None:
        counts = len(self.found.sources), len(self.found.refused)
        for entry in self._entries(folder):
            path = Path(entry.path)
            try:
                is_link = entry.is_symlink()
                # Most file systems tell what an entry is without another call.
                mode = (
                    stat.S_IFREG if entry.is_file(follow_symlinks=False) else entry.stat().st_mode
                )
            except OSError as error:
                self._trouble(path, error)
                continue
            if is_link and self._options.recursive and self._is_earlier_output(path, folder):
                continue
            self._look_at(path, mode, folder, is_link)
        is_empty = counts == (len(self.found.sources), len(self.found.refused))
        if is_empty and not self._options.watch and self._shard is None:
            media_type = self._media_type
            self._refuse(
                folder,
                UnreadableMediaError(
                    f"{folder} holds no {media_type.noun}: looked for "
                    f"{', '.join(media_type.suffixes)}, and at the content of other files"
                ),
            )

    def _remote(self, url: Path) -> None:
        """Looks at an object, or at what is below a prefix; names alone decide."""
        from realesr.media.remote import listed, sizes

        count = len(self.found.sources)
        try:
            for path, below, size in listed(url, is_recursive=self._options.recursive):
                name = path.name if below is None else path.relative_to(below).as_posix()
                if not is_in_shard(name, self._shard):
                    continue
                if path.suffix.lower() in self._suffixes:
                    sizes[str(path)] = size
                    self._add(path, path.suffix.lower(), below, str(path))
                else:
                    self.found.others.append(path)
        except RealesrError as error:
            self._refuse(url, error)
            return
        if len(self.found.sources) == count and self._shard is None:
            noun = self._media_type.noun
            self._refuse(url, UnreadableMediaError(f"{url}: no {noun} is there"))

    def _entries(self, top: Path) -> Iterator[os.DirEntry[str]]:
        """Yields what is in a folder, in order; searches its folders too if that is asked for."""
        levels = [self._listed(top, top)]
        while levels:
            entry = next(levels[-1], None)
            if entry is None:
                levels.pop()
            elif self._options.recursive and entry.is_dir(follow_symlinks=False):
                folder = Path(entry.path)
                if self.real_path(folder, is_link=False) != self._output:
                    levels.append(self._listed(folder, top))
            else:
                yield entry

    def _listed(self, folder: Path, top: Path) -> Iterator[os.DirEntry[str]]:
        """Returns the entries of a folder by name, without hidden ones and those of other parts."""
        prefix = "" if folder == top else f"{folder.relative_to(top).as_posix()}/"
        try:
            with os.scandir(folder) as entries:
                shown = [
                    entry
                    for entry in entries
                    if not entry.name.startswith(".")
                    and (
                        self._shard is None
                        or entry.is_dir(follow_symlinks=False)
                        or is_in_shard(prefix + entry.name, self._shard)
                    )
                ]
        except OSError as error:
            self._refuse(folder, UnreadableMediaError(f"{folder}: {error.strerror}"))
            shown = []
        return iter(sorted(shown, key=lambda entry: entry.name))

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

    def _look_at(self, path: Path, mode: int, below: Path | None, is_link: bool | None) -> None:
        """Takes what was found in a folder or by a pattern, or notes why not."""
        kind = special_kind(mode)
        suffix: str | None = path.suffix.lower()
        if kind is not None:
            self.found.special.append((path, kind))
            return
        if stat.S_ISDIR(mode):
            # One whose name has such a suffix becomes a job, and fails with an error message.
            if suffix not in self._suffixes or self._options.recursive:
                return
        elif suffix not in self._sure:
            suffix = self._suffix_by_content(path)
            if suffix is None:
                self.found.others.append(path)
                return
        self._add(path, suffix or "", below, self.real_path(path, is_link=is_link))

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
