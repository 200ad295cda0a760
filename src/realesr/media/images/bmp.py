"""BMP: OpenCV encodes the pixels; color and resolution in headers are read and written here.

Windows' BITMAPINFOHEADER, BITMAPV4HEADER and BITMAPV5HEADER.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from realesr.imaging.color import Chromaticities, ColorDescription
from realesr.imaging.image import Metadata
from realesr.media.images.channels import (
    Buffer,
    Channels,
    encode_with_opencv,
    gray_alpha_to_rgba,
)
from realesr.media.images.exif import as_stated

_FILE_HEADER = 14
_INFO_HEADER, _V4_HEADER, _V5_HEADER = 40, 108, 124
"""Sizes of headers, bytes."""
_CALIBRATED, _EMBEDDED = b"\0\0\0\0", b"DEBM"
"""Types of color space, in the order of the file: by end points, and by an ICC profile."""
_RESOLUTION = 38
"""Place of the resolution in a file, two numbers per meter."""


def read_bmp(data: bytes) -> Metadata:
    """Reads resolution, profile and calibrated colors.

    Raises:
        struct.error: The file is cut short.
    """
    (size,) = struct.unpack_from("<I", data, _FILE_HEADER)
    if size < _INFO_HEADER:
        return Metadata()
    x, y = struct.unpack_from("<ii", data, _RESOLUTION)
    icc, color = None, ColorDescription()
    space = data[_FILE_HEADER + 56 : _FILE_HEADER + 60]
    if size >= _V5_HEADER and space == _EMBEDDED:
        offset, length = struct.unpack_from("<II", data, _FILE_HEADER + 112)
        icc = data[_FILE_HEADER + offset : _FILE_HEADER + offset + length] or None
    elif size >= _V4_HEADER and space == _CALIBRATED:
        color = _calibrated(*struct.unpack_from("<9i3I", data, _FILE_HEADER + 60))
    return Metadata(resolution=as_stated(x, y, "m"), icc=icc, color=color)


def _calibrated(*numbers: int) -> ColorDescription:
    """Returns colors from X, Y, Z of red, green and blue, and from three exponents."""
    points = [numbers[:3], numbers[3:6], numbers[6:9]]
    white = tuple(map(sum, zip(*points, strict=True)))
    if any(point[1] <= 0 or min(point) < 0 for point in points) or len(set(numbers[9:])) != 1:
        return ColorDescription()  # left empty, or of a kind that nothing else can hold
    xy = [
        (round(1e5 * point[0] / sum(point)), round(1e5 * point[1] / sum(point)))
        for point in (white, *points)
    ]
    exponent = numbers[9] / 65_536
    gamma = round(1e5 / exponent) if exponent > 0 else None
    return ColorDescription(gamma=gamma, chromaticities=Chromaticities(*xy))


def encode_bmp(channels: Channels, metadata: Metadata) -> Sequence[Buffer]:
    """Encodes a BMP.

    Args:
        channels: Any channels, uint8.
        metadata: Only the resolution is written.

    Returns:
        The parts of the file, in order.

    Raises:
        ValueError, cv2.error: OpenCV cannot encode the array.
    """
    data = encode_with_opencv(".bmp", gray_alpha_to_rgba(channels))
    if not metadata.resolution or not metadata.resolution.unit:
        return [data]
    x, y = (round(each) for each in metadata.resolution.per("m"))
    return [data[:_RESOLUTION], struct.pack("<ii", x, y), data[_RESOLUTION + 8 :]]
