"""Lists of images in tar files and folders, which are decoded when they are needed."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from realesr.errors import UnreadableMediaError
from realesr.media.formats import IMAGE_FORMATS
from realesr.media.images.decode import decode_image
from realesr.media.images.metadata import suppress_pillow_warnings, without_limit
from realesr.reasons import reason_of
from realesr.special import special_kind

CleanImage = NDArray[np.uint8]
"""Clean image: (H, W, 3) uint8 RGB."""

OnDamaged = Callable[[UnreadableMediaError], None]
_Place = tuple[Path, str, int, int | None]
"""File, name in a tar file, position and number of bytes."""
_PACKED = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"(\xb5/\xfd",
    "zip": b"PK",
    "7z": b"7z\xbc\xaf",
}
"""First bytes of what is mistaken for a tar file, by what it is."""
_TRUTH = re.compile(r"(.*/|)HR/")
_PARTNER = re.compile(r"(.*/|)LR[^/]*x\d+/", re.IGNORECASE)
"""Folders as ``realesr prepare`` and the field's test sets have them."""
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

    What a suffix says is no image is passed over; in a tar file, names may lack a suffix. So are
    low-resolution partners: the images of folders such as ``LRx4`` that lie beside a folder ``HR``.

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
    except UnreadableMediaError:
        raise
    except FileNotFoundError as error:
        raise UnreadableMediaError(f"{error.filename or path}: no such file or folder") from error
    except OSError as error:
        raise UnreadableMediaError(f"{error.filename or path}: {reason_of(error)}") from error
    except tarfile.TarError as error:
        raise UnreadableMediaError(f"{path} is damaged or cut short: {error}") from error


def _index(
    path: Path, allowed: frozenset[str] | None, on_damaged: OnDamaged, *, reads_sizes: bool
) -> Iterator[Entry]:
    places = list(_files(path) if path.is_dir() else _members(path))
    labels = [
        posixpath.normpath(each[1] or each[0].relative_to(path).as_posix()) for each in places
    ]
    partners = _partners(labels)
    for label, place in zip(labels, places, strict=True):
        file, name, offset, length = place
        if label in partners or (allowed is not None and label not in allowed):
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


def _partners(names: Iterable[str]) -> set[str]:
    """Returns the names of low-resolution partners: in ``LRx4`` and the like, beside ``HR``."""
    found: dict[str, str] = {}
    homes = set()
    for name in names:
        if partner := _PARTNER.match(name):
            found[name] = partner[1]
        if home := _TRUTH.match(name):
            homes.add(home[1])
    return {name for name, home in found.items() if home in homes}


def _files(folder: Path) -> Iterator[_Place]:
    for file in sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES):
        if file.is_file():
            yield file, "", 0, None


def _members(path: Path) -> Iterator[_Place]:
    """Yields the members of a tar file that may be images.

    Raises:
        UnreadableMediaError: It is no tar file, or compressed.
        OSError, tarfile.TarError: It cannot be read, or is damaged.
    """
    if kind := special_kind(path.stat().st_mode):  # whose reading may never end
        raise UnreadableMediaError(f"{path} is {kind}, and neither a folder nor a tar file")
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115 -- the errors of what follows are others
    except tarfile.TarError as error:
        with path.open("rb") as file:
            start = file.read(6)
        kind = next((kind for kind, mark in _PACKED.items() if start.startswith(mark)), None)
        reason = (
            f"is compressed ({kind}): unpack it" if kind else "is neither a folder nor a tar file"
        )
        raise UnreadableMediaError(f"{path} {reason}") from error
    with tar:
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
