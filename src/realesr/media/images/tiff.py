"""TIFF: OpenCV or Pillow encodes the pixels, and a directory with metadata is put in front."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import ExifTags, TiffImagePlugin, TiffTags

from realesr.imaging.image import Metadata
from realesr.media.images.channels import (
    Buffer,
    Channels,
    encode_with_opencv,
    encode_with_pillow,
    gray_alpha_to_rgba,
    is_gray_alpha,
)
from realesr.media.images.exif import in_round_units, load_exif, sub_ifd

_HEADER = 8
"""Size of the header in front of the first directory, bytes."""
_UNASSOCIATED_ALPHA = 2
_IPTC = 33723
_UNITS = {"": 1, "inch": 2, "cm": 3}
"""Units of the resolution (TIFF 6.0, section 8)."""


def encode_tiff(channels: Channels, metadata: Metadata) -> Sequence[Buffer]:
    """Encodes a TIFF.

    Args:
        channels: Any channels, uint8 or uint16. Gray and alpha of uint16 become RGBA, because
            neither library can encode them.
        metadata: Written into the directory.

    Returns:
        The parts of the file, in order.

    Raises:
        ValueError, OSError, cv2.error: The library cannot encode the array or the metadata.
    """
    if is_gray_alpha(channels) and channels.dtype == np.uint8:
        data = encode_with_pillow("TIFF", channels, compression="tiff_lzw")
    else:
        data = encode_with_opencv(".tiff", gray_alpha_to_rgba(channels))
    has_alpha = channels.ndim == 3 and channels.shape[2] % 2 == 0
    return _with_directory(data, metadata, has_alpha=has_alpha)


def _with_directory(data: memoryview, metadata: Metadata, *, has_alpha: bool) -> Sequence[Buffer]:
    """Puts a new directory in front of an encoded file (TIFF 6.0, section 2)."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(bytes(data[:_HEADER]))
    stream = io.BytesIO(data)
    stream.seek(directory.next)
    directory.load(stream)
    directory.update(dict(directory))  # tags are decoded, and then written, only once read
    for tag in (
        TiffImagePlugin.X_RESOLUTION,
        TiffImagePlugin.Y_RESOLUTION,
        TiffImagePlugin.RESOLUTION_UNIT,
    ):
        directory.pop(tag, None)  # OpenCV says 1 px an inch
    if metadata.exif:
        exif = load_exif(metadata.exif)
        directory.update(exif)
        for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if tag in exif:
                directory[tag] = sub_ifd(exif, tag)
    if metadata.icc:
        directory[TiffImagePlugin.ICCPROFILE] = metadata.icc
    if metadata.xmp:
        directory[TiffImagePlugin.XMP] = metadata.xmp
    if metadata.iptc:
        directory.tagtype[_IPTC] = TiffTags.UNDEFINED
        directory[_IPTC] = metadata.iptc
    if metadata.resolution:
        stated = in_round_units(metadata.resolution)
        directory[TiffImagePlugin.X_RESOLUTION] = stated.x
        directory[TiffImagePlugin.Y_RESOLUTION] = stated.y
        directory[TiffImagePlugin.RESOLUTION_UNIT] = _UNITS[stated.unit]
    if has_alpha:
        directory[TiffImagePlugin.EXTRASAMPLES] = _UNASSOCIATED_ALPHA
    # Pillow counts offsets of strips from the end of the directory that it writes.
    strips = directory[TiffImagePlugin.STRIPOFFSETS]
    directory[TiffImagePlugin.STRIPOFFSETS] = tuple(offset - _HEADER for offset in strips)
    offset = struct.pack("<L" if bytes(data[:2]) == b"II" else ">L", _HEADER)
    return [data[:4], offset, directory.tobytes(_HEADER), data[_HEADER:]]
