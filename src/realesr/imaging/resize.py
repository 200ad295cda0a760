"""Resizing of images to another size and depth, rounding once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from realesr.geometry import Size
from realesr.imaging.depth import to_depth
from realesr.imaging.image import Image, PixelDType, Plane

FILTERS = {
    "nearest": PillowImage.Resampling.NEAREST,
    "bilinear": PillowImage.Resampling.BILINEAR,
    "bicubic": PillowImage.Resampling.BICUBIC,
    "lanczos": PillowImage.Resampling.LANCZOS,
}
"""Pillow's filters by name. All but ``nearest`` are antialiased when they reduce."""

BAND_BYTES = 64 * 2**20
"""Approximate size of a band of rows in float32, before or after the resize, bytes."""
_SUPPORT = 3
"""Radius of the widest filter, Lanczos, px of the coarser image."""


def resize(image: Image, size: Size, dtype: PixelDType, method: str = "lanczos") -> Image:
    """Resizes an image, on gamma-encoded values.

    Args:
        image: Image of either depth; alpha is resized like the colors.
        size: Size of the result, px.
        dtype: Depth of the result, uint8 or uint16, to which values are rounded once.
        method: A name of :data:`FILTERS`.
    """
    out = np.empty((size.height, size.width, 3), dtype)
    for channel in range(1 if image.is_gray else 3):
        _resize_into(image.pixels[..., channel], out[..., channel], method)
    if image.is_gray:
        out[..., 1:] = out[..., :1]
    alpha = None if image.alpha is None else resize_plane(image.alpha, size, dtype, method)
    return replace(image, pixels=out, alpha=alpha)


def resize_plane(
    plane: Plane | NDArray[np.float32], size: Size, dtype: PixelDType, method: str
) -> Plane:
    """Resizes one channel, (H, W) uint8 or uint16, or float32 about [0, 1], as :func:`resize`."""
    out = np.empty((size.height, size.width), dtype)
    _resize_into(plane, out, method)
    return out


def upscale_values(plane: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Upscales one channel, (H, W) float32 of any range, by a bicubic filter, without bands."""
    height, width = plane.shape
    large = PillowImage.fromarray(plane).resize((width * scale, height * scale), FILTERS["bicubic"])
    return np.asarray(large)


def _resize_into(plane: Plane | NDArray[np.float32], out: Plane, method: str) -> None:
    """Resizes a plane band by band, so that only one band is held as float.

    A band of output rows needs the input rows below it and those within the filter's radius.
    """
    (height, width), (out_height, out_width) = plane.shape, out.shape
    peak = np.float32(np.iinfo(plane.dtype.name).max if plane.dtype.kind == "u" else 1)
    ratio = height / out_height
    reach = int(np.ceil(_SUPPORT * max(ratio, 1))) + 1
    row_bytes = 4 * max(width * ratio, out_width)
    # Nearest rounds coordinates down; those of a band could round to another pixel.
    rows = out_height if method == "nearest" else max(1, int(BAND_BYTES / row_bytes))
    for top in range(0, out_height, rows):
        bottom = min(top + rows, out_height)
        first = max(0, int(top * ratio) - reach)
        last = min(height, int(np.ceil(bottom * ratio)) + reach)
        band = PillowImage.fromarray(plane[first:last].astype(np.float32) / peak)
        box = (0, top * ratio - first, width, min(bottom * ratio - first, last - first))
        resized = band.resize((out_width, bottom - top), FILTERS[method], box=box)
        out[top:bottom] = to_depth(np.asarray(resized), out.dtype)
