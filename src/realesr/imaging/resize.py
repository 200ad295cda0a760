"""Changing the size and the depth of a picture, rounding once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from realesr.geometry import Size
from realesr.imaging.image import Image, PixelDType, Pixels


def to_depth(values: NDArray[np.float32], dtype: PixelDType) -> Pixels:
    """Scales float values in [0, 1] to the full range of ``dtype``, clamps and rounds."""
    peak = np.iinfo(dtype).max
    levels = np.clip(np.rint(values * np.float32(peak)), 0, peak)
    return np.asarray(levels, dtype=dtype)


def resize(image: Image, size: Size, dtype: PixelDType) -> Image:
    """Resizes gamma-encoded values with an antialiasing Lanczos filter.

    Args:
        image: Any depth.
        size: The size of the result, px.
        dtype: The depth of the result, uint8 or uint16: the values are rounded once, to it.
    """
    peak = np.float32(np.iinfo(image.pixels.dtype).max)
    out = np.empty((size.height, size.width, 3), dtype)
    channels = 1 if image.is_gray else 3
    for channel in range(channels):
        plane = PillowImage.fromarray(image.pixels[..., channel].astype(np.float32) / peak)
        resized = plane.resize((size.width, size.height), PillowImage.Resampling.LANCZOS)
        out[..., channel] = to_depth(np.asarray(resized), dtype)
    if image.is_gray:
        out[..., 1:] = out[..., :1]
    return Image(out, is_gray=image.is_gray)
