"""Names of numbered frames: a folder of them, or a pattern such as ``frames/%06d.png``.

The planning of a run asks this, so that nothing heavy is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from realesr.errors import InvalidOptionError, RealesrError, UnreadableMediaError
from realesr.media.formats import IMAGES, VIDEOS, ImageFormat
from realesr.reasons import reason_of

_PLACEHOLDER = re.compile(r"%(?:0(?P<digits>\d{1,2}))?d")
_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<suffix>\.[^.]+)")
_WRITTEN = ("PNG", "TIFF")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Pattern:
    """The names of numbered files.

    Attributes:
        folder: Where they lie.
        before: What comes before the number.
        digits: Least number of digits.
        after: What comes behind it.
    """

    folder: Path
    before: str
    digits: int
    after: str

    def path(self, number: int) -> Path:
        """Returns the name of a frame."""
        return self.folder / f"{self.before}{number:0{self.digits}d}{self.after}"

    def files(self) -> Iterator[tuple[int, Path]]:
        """Yields numbers and names of the files that are there.

        Raises:
            OSError: The folder cannot be read.
        """
        name = re.compile(f"{re.escape(self.before)}(\\d{{{self.digits},}}){re.escape(self.after)}")
        with os.scandir(self.folder) as entries:
            for entry in entries:
                found = name.fullmatch(entry.name)
                if found:
                    yield int(found[1]), self.folder / entry.name


@dataclass(frozen=True, slots=True)
class Series:
    """Numbered frames.

    Attributes:
        frames: Number and file of each, in order.
        others: Images in the folder without a number.
    """

    frames: tuple[tuple[int, Path], ...]
    others: tuple[Path, ...] = ()

    @property
    def gaps(self) -> str:
        """The numbers that are missing between the first and the last frame; empty for none."""
        numbers = [number for number, _ in self.frames]
        ranges = [
            f"{one + 1}" if other == one + 2 else f"{one + 1} to {other - 1}"
            for one, other in pairwise(numbers)
            if other > one + 1
        ]
        more = f" and {len(ranges) - _NAMED} more" if len(ranges) > _NAMED else ""
        return ", ".join(ranges[:_NAMED]) + more


def parse_pattern(path: Path) -> Pattern | None:
    """Returns the pattern that a path is, such as ``frames/%06d.png``; None for other paths."""
    parts = list(_PLACEHOLDER.finditer(path.name))
    if len(parts) != 1:
        return None
    (part,) = parts
    name = path.name
    digits = int(part["digits"] or 1)
    return Pattern(path.parent, name[: part.start()], digits, name[part.end() :])


def numbered_target(path: Path) -> Pattern | None:
    """Returns the pattern of frames to write; None for other outputs, also for ``p%04d.mp4``."""
    is_film = VIDEOS.matches(path) and not IMAGES.matches(path)  # a PNG can be either
    return None if is_film else parse_pattern(path)


def is_series(path: Path) -> bool:
    """Returns whether an input is a pattern of frames that exist, or a folder of numbered ones."""
    pattern = parse_pattern(path)
    if pattern is not None and not path.exists():
        return True
    if not path.is_dir():
        return False
    with os.scandir(path) as entries:
        return any(_number(entry.name) is not None for entry in entries)


def find_series(path: Path) -> Series:
    """Returns the frames of a folder or a pattern.

    Raises:
        UnreadableMediaError: There is none, or the folder cannot be read.
        InvalidOptionError: The folder holds several series, or a number occurs twice.
    """
    pattern = parse_pattern(path)
    try:
        if pattern is not None and not path.exists():
            series = Series(tuple(sorted(pattern.files())))
        else:
            series = _in_folder(path)
    except OSError as error:
        raise UnreadableMediaError(f"{path}: {reason_of(error)}") from error
    if not series.frames:
        raise UnreadableMediaError(f"{path}: there are no numbered frames")
    for (one, first), (other, second) in pairwise(series.frames):
        if one == other:
            raise InvalidOptionError(
                f"{first} and {second} have the same number: remove one, or name a pattern such "
                "as 'frames/%06d.png'"
            )
    return series


def frames_of(path: Path) -> tuple[Path, ...]:
    """Returns the files that an input reads as numbered frames; none if it is no series."""
    try:
        return tuple(file for _, file in find_series(path).frames) if is_series(path) else ()
    except (OSError, RealesrError):  # what is wrong with it, reading tells
        return ()


def check_series_target(path: Path) -> ImageFormat:
    """Returns the format of frames that are written under a pattern.

    Raises:
        InvalidOptionError: Frames are not written in this format.
        UnsupportedMediaError: The suffix is not that of an image format.
    """
    target = IMAGES.format_of(path)
    if target.name not in _WRITTEN:
        raise InvalidOptionError(
            f"`output` {path}: frames are written as png or tif, which lose nothing"
        )
    return target


def check_apart(source: Path, pattern: Pattern) -> None:
    """Checks that frames would not replace those that they are made of.

    Raises:
        InvalidOptionError: Both lie in the same folder.
    """
    folder = source if source.is_dir() else source.parent
    if folder.resolve() == pattern.folder.resolve():
        raise InvalidOptionError(
            f"frames in {folder} would be replaced by their results: choose another folder"
        )


def _in_folder(folder: Path) -> Series:
    groups: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    others = []
    with os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            number = _number(entry.name)
            if number is not None:
                groups.setdefault(number[1:], []).append((number[0], path))
            elif IMAGES.matches(path) and not entry.name.startswith("."):
                others.append(path)
    if len(groups) > 1:
        names = ", ".join(f"{before}%d{suffix}" for before, suffix in sorted(groups)[:_NAMED])
        raise InvalidOptionError(
            f"{folder} holds several series of frames ({names}): name one of them as a pattern"
        )
    return Series(tuple(sorted(next(iter(groups.values()), []))), tuple(others))


def _number(name: str) -> tuple[int, str, str] | None:
    """Returns the number in the name of a frame, and what stands before and behind it."""
    found = _NUMBERED.fullmatch(name)
    if found is None or name.startswith(".") or found["suffix"].lower() not in IMAGES.suffixes:
        return None
    return int(found["number"]), found["before"], found["suffix"].lower()
