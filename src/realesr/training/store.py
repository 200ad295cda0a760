"""Training images in tar files and folders, decoded when they are needed.

Data sets of tens of gigabytes do not fit into memory. A store holds only an index, and each worker
a small cache of decoded images.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from realesr.degradation.operations import from_levels, quantize, unsharp_mask
from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import IMAGE_FORMATS
from realesr.media.images.decode import decode_image

CleanImage = NDArray[np.uint8]
"""Clean image: (H, W, 3) uint8 RGB."""

_SUFFIXES = frozenset(suffix for each in IMAGE_FORMATS for suffix in each.suffixes)


@dataclass(frozen=True, slots=True)
class Entry:
    """Location of an image's bytes.

    Attributes:
        path: An image file or a tar file.
        name: Name in the tar file; empty for an image file.
        offset: Position of the first byte.
        length: Number of bytes; None for a whole file.
        width, height: Size of the image, px.
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


def index_images(path: Path, allowed: frozenset[str] | None = None) -> list[Entry]:
    """Lists the images of a tar file or, recursively, of a folder; reads headers only.

    Args:
        path: Tar file or folder.
        allowed: Names (in the tar, or relative to the folder) to take; None takes all.

    Raises:
        UnreadableMediaError: The path cannot be read, or a member is not an image.
    """
    try:
        return _index_folder(path, allowed) if path.is_dir() else _index_tar(path, allowed)
    except (OSError, tarfile.TarError) as error:
        if isinstance(error, UnreadableMediaError):
            raise
        raise UnreadableMediaError(f"{path} is neither a folder nor a tar file: {error}") from error


def _index_folder(path: Path, allowed: frozenset[str] | None) -> list[Entry]:
    entries = []
    for file in sorted(each for each in path.rglob("*") if each.suffix.lower() in _SUFFIXES):
        if allowed is None or file.relative_to(path).as_posix() in allowed:
            with file.open("rb") as stream:
                entries.append(Entry(file, "", 0, None, *_size(stream, file)))
    return entries


def _index_tar(path: Path, allowed: frozenset[str] | None) -> list[Entry]:
    entries = []
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if not member.isfile() or (allowed is not None and member.name not in allowed):
                continue
            stream = tar.extractfile(member)
            assert stream is not None  # noqa: S101 - it is a file
            size = _size(stream, f"{path}:{member.name}")
            entries.append(Entry(path, member.name, member.offset_data, member.size, *size))
    return entries


def _size(stream: IO[bytes], name: object) -> tuple[int, int]:
    """Reads width and height, px; from the beginning of the file if that is sufficient."""
    data = b""
    for length in (2**16, -1):
        data += stream.read(length)
        try:
            with PillowImage.open(io.BytesIO(data)) as image:
                return image.size
        except (UnidentifiedImageError, OSError, ValueError) as error:
            reason = error
    raise UnreadableMediaError(f"{name} is not an image that can be read") from reason


class ImageStore:
    """Decodes images of an index, and caches the most recently used ones.

    Args:
        entries: The index.
        cache_bytes: Size of the cache of decoded images, bytes.
        sharpen: Whether images are sharpened by unsharp masking (Real-ESRGAN, section 3.4).
    """

    def __init__(self, entries: Sequence[Entry], *, cache_bytes: int, sharpen: bool) -> None:
        self.entries = tuple(entries)
        self._cache: OrderedDict[int, CleanImage] = OrderedDict()
        self._cached_bytes = 0
        self._limit = cache_bytes
        self._sharpen = sharpen

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> CleanImage:
        """Returns an image, (H, W, 3) uint8 RGB.

        Raises:
            UnreadableMediaError: The file has vanished or is damaged.
        """
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        image = read_entry(self.entries[index])
        if self._sharpen:
            image = quantize(unsharp_mask(from_levels(image)))
        self._cache[index] = image
        self._cached_bytes += image.nbytes
        while self._cached_bytes > self._limit and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= dropped.nbytes
        return image


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
