"""Camera RAW: LibRaw develops it. It needs the extra ``raw``."""

from __future__ import annotations

import io

import numpy as np
from PIL import ExifTags

from realesr.imaging.image import Image
from realesr.media.images.c_output import caught_output
from realesr.media.images.decoders.blocks import read_blocks
from realesr.media.images.decoders.source import EncodedImage, finish
from realesr.progress import Notice

_SRGB_CURVE = (2.4, 12.92)
"""Exponent and slope of the tone curve (IEC 61966-2-1); LibRaw's default is that of BT.709."""
_TAGS = frozenset(
    (
        ExifTags.Base.ImageDescription,
        ExifTags.Base.Make,
        ExifTags.Base.Model,
        ExifTags.Base.Software,
        ExifTags.Base.DateTime,
        ExifTags.Base.Artist,
        ExifTags.Base.Copyright,
        ExifTags.IFD.Exif,
        ExifTags.IFD.GPSInfo,
    )
)
"""Tags that hold for the developed image too; others describe the sensor."""


def decode_raw(source: EncodedImage) -> Image:
    """Develops a camera RAW file: white balance of the camera, sRGB, 16 bits, upright.

    Raises:
        rawpy.LibRawError, OSError, ValueError: It is damaged.
        UnsupportedMediaError: It is too large, or rawpy is not installed.
    """
    rawpy = source.require("rawpy", "'realesr[raw]'")
    with caught_output() as lines, rawpy.imread(io.BytesIO(source.data)) as raw:
        source.check_size(raw.sizes.width, raw.sizes.height)
        pixels = raw.postprocess(
            use_camera_wb=True,
            output_bps=16,
            output_color=rawpy.ColorSpace.sRGB,
            gamma=_SRGB_CURVE,
        )
    if lines:
        source.notify_damage("; ".join(lines))
    exif = None
    if source.data[:2] in (b"II", b"MM"):
        exif = source.data[:2] + _TIFF_VERSIONS[source.data[:2]] + source.data[4:]
    else:
        source.notify(Notice("metadata-dropped", "EXIF of this kind of RAW is not read"))
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    image = Image(np.ascontiguousarray(pixels[..., :3]))
    return finish(image, read_blocks(source, exif=exif, tags=_TAGS))


_TIFF_VERSIONS = {b"II": b"*\0", b"MM": b"\0*"}
"""Olympus and Panasonic write other numbers into what are TIFF files otherwise."""
