"""Lists of images in tar files and folders, which are decoded when they are needed."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import IMAGE_FORMATS
from realesr.media.images.decode import decode_image
from realesr.media.images.metadata import suppress_pillow_warnings, without_limit

CleanImage = NDArray[np.uint8]
"""Clean image: (H, W, 3) uint8 RGB."""

OnDamaged = Callable[[UnreadableMediaError], None]
_Place = tuple[Path, str, int, int | None]
"""File, name in a tar file, position and number of bytes."""
_SUFFIXES = frozenset(suffix for each in IMAGE_FORMATS for suffix in each.suffixes)


@dataclass(frozen=True, slots=True)
class Entry:
    """Location of an image's bytes.

    Attributes:
        path: An image file or a tar file.
        name: Name in the tar file; empty for an image file.
        offset: Position of the first byte.
        length: Number of bytes; None for a whole file.
        width, height: Size of the image, px; 0 if it was not asked for.
    """

    path: Path
    name: str
    offset: int
    length: int | None
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.path}:{self.name}" if self.name else str(self.path)


def allowed_files(manifest: Path, licenses: Sequence[str]) -> frozenset[str]:
    """Reads the names (column ``file``) whose ``licence`` starts with one of ``licenses``.

    Raises:
        InvalidOptionError: The manifest cannot be read.
    """
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            return frozenset(r["file"] for r in rows if r["licence"].startswith(tuple(licenses)))
    except (OSError, KeyError) as error:
        raise InvalidOptionError(f"{manifest} cannot be read as a manifest: {error}") from error


def _refuse(error: UnreadableMediaError) -> NoReturn:
    """Raises the error."""
    raise error


def index_images(
    path: Path,
    allowed: frozenset[str] | None = None,
    on_damaged: OnDamaged = _refuse,
    *,
    reads_sizes: bool = True,
) -> list[Entry]:
    """Lists the images of a tar file or, recursively, of a folder; reads headers at most.

    What a suffix says is no image is passed over; in a tar file, names may lack a suffix.

    Args:
        path: Tar file or folder.
        allowed: Names (in the tar, or relative to the folder) to take; None takes all.
        on_damaged: Receives the error of each file whose header is damaged; raises it by default.
        reads_sizes: Whether headers are read; without, damage is found when an image is decoded.

    Raises:
        UnreadableMediaError: The path cannot be read.
    """
    try:
        return list(_index(path, allowed, on_damaged, reads_sizes=reads_sizes))
    except (OSError, tarfile.TarError) as error:
        if isinstance(error, UnreadableMediaError):
            raise
        raise UnreadableMediaError(f"{path} is neither a folder nor a tar file: {error}") from error


def _index(
    path: Path, allowed: frozenset[str] | None, on_damaged: OnDamaged, *, reads_sizes: bool
) -> Iterator[Entry]:
    for place in _files(path) if path.is_dir() else _members(path):
        file, name, offset, length = place
        label = name or file.relative_to(path).as_posix()
        if allowed is not None and label not in allowed:
            continue
        if not reads_sizes:
            yield Entry(file, name, offset, length, 0, 0)
            continue
        with file.open("rb") as stream:
            stream.seek(offset)
            try:
                size = _size(stream, length, f"{file}:{name}" if name else file)
            except UnreadableMediaError as error:
                on_damaged(error)
                continue
        yield Entry(file, name, offset, length, *size)


def _files(folder: Path) -> Iterator[_Place]:
    for file in sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES):
        if file.is_file():
            yield file, "", 0, None


def _members(path: Path) -> Iterator[_Place]:
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            suffix = PurePosixPath(member.name).suffix.lower()
            if member.isfile() and (not suffix or suffix in _SUFFIXES):
                yield path, member.name, member.offset_data, member.size


def _size(stream: IO[bytes], length: int | None, name: object) -> tuple[int, int]:
    """Reads width and height, px; from the beginning of the image if that is sufficient."""
    data = b""
    for end in (2**16 if length is None else min(2**16, length), length):
        data += stream.read(-1 if end is None else end - len(data))
        try:
            with (
                suppress_pillow_warnings,
                without_limit(),
                PillowImage.open(io.BytesIO(data)) as image,
            ):
                return image.size
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            reason = error
    raise UnreadableMediaError(f"{name} is not an image that can be read") from reason


def read_entry(entry: Entry) -> CleanImage:
    """Decodes an image, (H, W, 3) uint8 RGB; 16 bits are rounded to 8, alpha is dropped.

    Raises:
        UnreadableMediaError: The file has vanished or is damaged.
    """
    try:
        with entry.path.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(-1 if entry.length is None else entry.length)
    except OSError as error:
        raise UnreadableMediaError(f"{entry}: {error.strerror or error}") from error
    pixels = decode_image(data, Path(str(entry))).pixels
    return pixels if pixels.dtype == np.uint8 else ((pixels + 128) // 257).astype(np.uint8)
