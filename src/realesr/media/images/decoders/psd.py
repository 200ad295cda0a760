"""PSD: the flat picture. Pillow decodes 8 bits a channel; here are 16 and 32, and large files."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from realesr.errors import UnsupportedMediaError
from realesr.imaging.image import Image
from realesr.media.images.decoders.blocks import read_blocks
from realesr.media.images.decoders.colors import cmyk_to_rgb, lab_to_rgb
from realesr.media.images.decoders.levels import Samples, alpha_levels, to_full_range
from realesr.media.images.decoders.pillow import decode_pillow
from realesr.media.images.decoders.source import EncodedImage, finish, gray_to_rgb
from realesr.progress import no_notice

_GRAY, _RGB, _CMYK, _LAB = 1, 3, 4, 9
"""Color modes (Adobe Photoshop File Formats Specification, file header section)."""
_COLORS = {_GRAY: 1, _RGB: 3, _CMYK: 4, _LAB: 3}
_DTYPES = {8: ">u1", 16: ">u2", 32: ">f4"}
_LARGE = 2
_PLAIN, _PACKED = 0, 1
_ICC, _EXIF, _XMP = 1039, 1058, 1060
"""Image resources."""
_HEADER = struct.Struct(">4sH6xHIIHH")


@dataclass(frozen=True, slots=True)
class _Header:
    is_large: bool
    channels: int
    height: int
    width: int
    bits: int
    mode: int


def decode_psd(source: EncodedImage) -> Image:
    """Decodes the flat picture of a PSD or PSB file, whatever its layers are.

    Raises:
        UnidentifiedImageError, OSError, ValueError, struct.error: It is damaged.
        UnsupportedMediaError: It is too large, or of a kind that is not read.
    """
    _, version, channels, height, width, bits, mode = _HEADER.unpack_from(source.data)
    header = _Header(version == _LARGE, channels, height, width, bits, mode)
    if bits <= 8 and not header.is_large:
        return decode_pillow(source, "PSD")
    source.check_size(width, height)
    if mode not in _COLORS or bits not in _DTYPES or channels < _COLORS[mode]:
        raise UnsupportedMediaError(
            f"{source.path}: a PSD of color mode {mode} and {bits} bits a channel is not read; "
            "convert it to RGB"
        )
    start = _HEADER.size
    (length,) = struct.unpack_from(">I", source.data, start)
    start += 4 + length  # a palette
    (length,) = struct.unpack_from(">I", source.data, start)
    resources = _resources(source.data[start + 4 : start + 4 + length])
    start += 4 + length
    size = ">Q" if header.is_large else ">I"
    (length,) = struct.unpack_from(size, source.data, start)
    start += struct.calcsize(size) + length  # layers
    samples = _planes(source.data, start, header)
    image = _to_image(source, samples, header, resources.get(_ICC))
    metadata = read_blocks(
        source,
        icc=resources.get(_ICC) if mode in (_GRAY, _RGB) else None,
        exif=resources.get(_EXIF),
        xmp=resources.get(_XMP),
    )
    return finish(image, metadata)


def _resources(data: bytes) -> dict[int, bytes]:
    """Returns image resources by their numbers."""
    found = {}
    start = 0
    while data[start : start + 4] == b"8BIM" and start + 12 <= len(data):
        number = int.from_bytes(data[start + 4 : start + 6], "big")
        start += 6 + (data[start + 6] + 2) // 2 * 2  # behind its name
        length = int.from_bytes(data[start : start + 4], "big")
        found[number] = data[start + 4 : start + 4 + length]
        start += 4 + (length + 1) // 2 * 2
    return found


def _planes(data: bytes, start: int, header: _Header) -> Samples:
    """Decodes color and the first further channel, (H, W, C)."""
    (compression,) = struct.unpack_from(">H", data, start)
    start += 2
    channels = min(header.channels, _COLORS[header.mode] + 1)
    dtype = np.dtype(_DTYPES[header.bits])
    size = channels * header.height * header.width * dtype.itemsize
    if compression == _PACKED:
        rows = header.channels * header.height
        counts = np.frombuffer(data, ">u4" if header.is_large else ">u2", rows, start)
        start += counts.nbytes
        packed = data[start : start + int(counts[: channels * header.height].sum())]
        plain = _unpack(packed, counts[: channels * header.height])
    elif compression == _PLAIN:
        plain = data[start : start + size]
    else:
        raise ValueError(f"its compression is {compression}")
    if len(plain) < size:
        raise ValueError("pixels are missing")
    planes = np.frombuffer(plain, dtype, size // dtype.itemsize)
    native = planes.astype(dtype.newbyteorder("="))
    return np.moveaxis(native.reshape(channels, header.height, header.width), 0, -1)


def _unpack(packed: bytes, counts: Samples) -> bytes:
    """Decompresses rows, each of which is packed alone."""
    import imagecodecs

    rows = []
    start = 0
    for count in counts.tolist():
        rows.append(imagecodecs.packbits_decode(packed[start : start + count]))
        start += count
    return b"".join(rows)


def _to_image(source: EncodedImage, samples: Samples, header: _Header, icc: bytes | None) -> Image:
    colors = _COLORS[header.mode]
    alpha = None
    if samples.shape[2] > colors:
        plane = samples[..., colors]
        is_float = plane.dtype.kind == "f"
        alpha = alpha_levels(plane) if is_float else to_full_range(plane, header.bits, no_notice)
        alpha = np.ascontiguousarray(alpha)
    levels = to_full_range(samples[..., :colors], header.bits, source.notify)
    if header.mode == _GRAY:
        return Image(gray_to_rgb(levels[..., 0]), is_gray=True, alpha=alpha)
    levels = np.ascontiguousarray(levels)
    if header.mode == _CMYK:  # 0 is full ink
        inks = np.iinfo(levels.dtype).max - levels
        return Image(cmyk_to_rgb(inks, icc, source.notify), alpha=alpha)
    if header.mode == _LAB:
        return Image(lab_to_rgb(levels, source.notify, is_offset=True), alpha=alpha)
    return Image(levels, alpha=alpha)
