"""PNG, compressed here band by band, so that memory stays flat.

Pillow holds four bytes for three and no more than 8 bits a channel. OpenCV holds the whole file
while it encodes, and cannot encode gray with alpha. The compressor is ISA-L's, through the package
isal, which has zlib's interface; ``docs/performance.md`` compares it with zlib and OpenCV.
"""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from realesr.imaging.color import ColorDescription
from realesr.imaging.image import Metadata, Resolution, Text
from realesr.media.images.channels import Channels
from realesr.media.images.png_metadata import XMP_KEYWORD

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BAND_BYTES = 4 * 2**20
"""Size of a band of rows that is filtered and compressed at once, bytes."""
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Color type by number of channels (PNG, third edition, table 11.1)."""
_FILTER_UP = 2
"""Filter that subtracts the row above (PNG, third edition, 9.2)."""
_LONG_TEXT = 1024
"""Length from which texts are compressed (PNG, third edition, 11.3.3.3)."""
_LEVEL = 1
"""Compression level. Higher ones of ISA-L gain nothing after the filter, and zlib's take longer."""


def import_deflate() -> ModuleType:
    """Imports ISA-L's module, or zlib on a platform for which isal has no wheel."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


_deflate = import_deflate()


def encode_png(channels: Channels, metadata: Metadata) -> Iterator[bytes]:
    """Encodes a PNG; every row is stored as the difference to the row above.

    Args:
        channels: Any channels, uint8 or uint16.
        metadata: Embedded in front of the pixels.

    Yields:
        The parts of the file, in order, as they are compressed.
    """
    height, width = channels.shape[:2]
    count = 1 if channels.ndim == 2 else channels.shape[2]
    bits = 8 * channels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOR_TYPES[count], 0, 0, 0)
    yield _SIGNATURE + _chunk(b"IHDR", header)
    yield from _metadata_chunks(metadata)
    compressor = _deflate.compressobj(level=_LEVEL)
    row_bytes = width * count * channels.dtype.itemsize
    rows_of_band = max(1, _BAND_BYTES // row_bytes)
    big_endian = channels.dtype.newbyteorder(">")
    above = np.zeros((1, row_bytes), np.uint8)
    for top in range(0, height, rows_of_band):
        band = channels[top : top + rows_of_band].astype(big_endian, copy=False)
        rows = band.reshape(len(band), -1).view(np.uint8)
        filtered = np.empty((len(rows), row_bytes + 1), np.uint8)
        filtered[:, 0] = _FILTER_UP
        np.subtract(rows[:1], above, out=filtered[:1, 1:])
        np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
        above = rows[-1:].copy()
        data = compressor.compress(filtered.data)
        if data:
            yield _chunk(b"IDAT", data)
    yield _chunk(b"IDAT", compressor.flush())
    yield _chunk(b"IEND", b"")


def _metadata_chunks(metadata: Metadata) -> list[bytes]:
    """Returns the chunks that stand behind IHDR (PNG, third edition, 11.3)."""
    chunks = _color_chunks(metadata.color, has_profile=bool(metadata.icc))
    if metadata.icc:
        chunks.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.resolution:
        chunks.append(_chunk(b"pHYs", _density(metadata.resolution)))
    if metadata.exif:
        chunks.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(_chunk(b"iTXt", XMP_KEYWORD.encode() + b"\0" * 5 + metadata.xmp))
    chunks += map(_text_chunk, metadata.texts)
    return chunks


def _color_chunks(color: ColorDescription, *, has_profile: bool) -> list[bytes]:
    chunks = []
    if color.cicp:
        values = (color.cicp.primaries, color.cicp.transfer, 0, color.cicp.is_full_range)
        chunks.append(_chunk(b"cICP", struct.pack(">4B", *values)))
    if color.srgb_intent is not None and not has_profile:  # only one of both is allowed
        chunks.append(_chunk(b"sRGB", struct.pack(">B", color.srgb_intent)))
    if color.gamma:
        chunks.append(_chunk(b"gAMA", struct.pack(">I", color.gamma)))
    if points := color.chromaticities:
        xy = (*points.white, *points.red, *points.green, *points.blue)
        chunks.append(_chunk(b"cHRM", struct.pack(">8I", *xy)))
    if display := color.mastering:
        xy = (*display.red, *display.green, *display.blue, *display.white)
        luminance = (display.max_luminance, display.min_luminance)
        chunks.append(_chunk(b"mDCV", struct.pack(">8H2I", *xy, *luminance)))
    if light := color.light:
        chunks.append(_chunk(b"cLLI", struct.pack(">II", light.max_content, light.max_average)))
    return chunks


def _density(resolution: Resolution) -> bytes:
    if resolution.unit:
        x, y = resolution.per("m")
        return struct.pack(">IIB", round(x), round(y), 1)
    return struct.pack(">IIB", *_whole_numbers(resolution), 0)


def _whole_numbers(resolution: Resolution) -> tuple[int, int]:
    """Returns an aspect in whole numbers."""
    scale = 1 if resolution.x % 1 == resolution.y % 1 == 0 else 1000
    return round(resolution.x * scale), round(resolution.y * scale)


def _text_chunk(text: Text) -> bytes:
    """Returns ``tEXt`` if Latin-1 holds the text, else ``iTXt``; both compressed if it is long."""
    keyword, is_long = text.keyword.encode("latin-1"), len(text.value) > _LONG_TEXT
    try:
        value = text.value.encode("latin-1")
    except UnicodeEncodeError:
        value = b""
    if (value or not text.value) and not text.language and not text.translated:
        if is_long:
            return _chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(value))
        return _chunk(b"tEXt", keyword + b"\0" + value)
    encoded = text.value.encode()
    head = keyword + b"\0" + bytes((is_long, 0)) + text.language.encode("latin-1") + b"\0"
    head += text.translated.encode() + b"\0"
    return _chunk(b"iTXt", head + (zlib.compress(encoded) if is_long else encoded))


def _chunk(kind: bytes, body: bytes) -> bytes:
    crc = _deflate.crc32(body, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(body)), kind, body, struct.pack(">I", crc)))
