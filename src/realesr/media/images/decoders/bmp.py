"""BMP: Pillow reads most of them; here are freely placed bits of a channel, and embedded files."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np

from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata, PixelDType, Plane
from realesr.media.images.decoders.jpeg import decode_jpeg
from realesr.media.images.decoders.levels import dtype_of
from realesr.media.images.decoders.pillow import decode_pillow
from realesr.media.images.decoders.png import decode_png
from realesr.media.images.decoders.source import EncodedImage, finish

_FILE_HEADER = 14
_INFO_HEADER = 40
"""Size of BITMAPINFOHEADER; longer headers begin like it, bytes."""
_BITFIELDS, _JPEG, _PNG, _ALPHA_BITFIELDS = 3, 4, 5, 6
"""Values of biCompression."""
_DEPTHS = (16, 32)
"""Bits a pixel that masks can describe."""


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    is_top_down: bool
    bits: int
    compression: int
    pixels_start: int
    masks: tuple[int, int, int, int]


def decode_bmp(source: EncodedImage) -> Image:
    """Decodes a BMP, of which channels may have up to 32 bits.

    Raises:
        UnidentifiedImageError, OSError, ValueError, SyntaxError: It is damaged.
        UnsupportedMediaError: It is too large, or of a kind that is not read.
    """
    header = _read_header(source.data)
    if header is None:
        return decode_pillow(source, "BMP")
    if header.compression in (_JPEG, _PNG):
        decode = decode_jpeg if header.compression == _JPEG else decode_png
        return decode(replace(source, data=source.data[header.pixels_start :]))
    if header.compression in (_BITFIELDS, _ALPHA_BITFIELDS) and header.bits in _DEPTHS:
        return _decode_bitfields(source, header)
    return decode_pillow(source, "BMP")


def _read_header(data: bytes) -> _Header | None:
    """Reads BITMAPINFOHEADER and its successors; None for the older ones of OS/2."""
    if len(data) < _FILE_HEADER + _INFO_HEADER:
        return None
    (pixels_start,) = struct.unpack_from("<I", data, 10)
    size, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", data, _FILE_HEADER)
    if size < _INFO_HEADER or (size == 64 and compression == _BITFIELDS):  # OS/2: Huffman codes
        return None
    masks = (0, 0, 0, 0)
    if compression in (_BITFIELDS, _ALPHA_BITFIELDS):
        has_alpha = compression == _ALPHA_BITFIELDS or size >= 56
        count = 4 if has_alpha else 3
        if len(data) < _FILE_HEADER + _INFO_HEADER + 4 * count:
            raise ValueError("its header is cut short")
        read = struct.unpack_from(f"<{count}I", data, _FILE_HEADER + _INFO_HEADER)
        masks = (read[0], read[1], read[2], read[3] if has_alpha else 0)
    return _Header(width, abs(height), height < 0, bits, compression, pixels_start, masks)


def _decode_bitfields(source: EncodedImage, header: _Header) -> Image:
    if header.width <= 0 or header.height <= 0:
        raise ValueError("it has no pixels")
    source.check_size(header.width, header.height)
    item = header.bits // 8
    stride = (header.width * item + 3) // 4 * 4
    if header.pixels_start + (header.height - 1) * stride + header.width * item > len(source.data):
        raise ValueError("pixels are missing at its end")
    rows = np.ndarray(
        (header.height, header.width),
        np.dtype(f"<u{item}"),
        source.data,
        header.pixels_start,
        (stride, item),
    )
    if not header.is_top_down:
        rows = rows[::-1]
    widths = [mask.bit_count() for mask in header.masks]
    if not all(widths[:3]):
        raise ValueError("a channel has no bits")
    dtype = dtype_of(max(widths))
    planes = [_channel(rows, mask, dtype) for mask in header.masks if mask]
    alpha = planes[3] if len(planes) == 4 else None
    if alpha is not None and not alpha.any():
        alpha = None  # what is meant by an image that nobody could see
    return finish(Image(np.stack(planes[:3], axis=2), alpha=alpha), Metadata())


def _channel(rows: Plane, mask: int, dtype: PixelDType) -> Plane:
    """Takes the bits of a mask out of each pixel, and stretches them to the full range."""
    shift, bits = (mask & -mask).bit_length() - 1, mask.bit_count()
    if mask >> shift != 2**bits - 1:
        raise ValueError("the bits of a channel do not lie together")
    levels = (rows & np.array(mask, rows.dtype)) >> np.array(shift, rows.dtype)
    surplus = max(0, bits - 16)
    return convert_depth((levels >> surplus).astype(dtype), dtype, bits=bits - surplus)
