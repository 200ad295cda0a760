"""Peak signal-to-noise ratio, and the channel that the field takes it on."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Channel = Literal["y", "rgb"]
Array = NDArray[Any]

LUMA = (65.481, 128.553, 24.966)
LUMA_OFFSET = 16.0
"""ITU-R BT.601 in 8 bits, 16 to 235, as MATLAB's ``rgb2ycbcr``."""


def psnr(first: Array, second: Array, *, crop: int = 0, channel: Channel = "y") -> float:
    """Returns ``10 log10(peak^2 / mean squared difference)`` in dB; more is nearer.

    Args:
        first: (H, W, 3) RGB or (H, W), uint8 or uint16.
        second: The same shape and dtype.
        crop: Px left out at each border; customary is the scale.
        channel: ``y`` takes BT.601 luma (16 to 235), as papers on super-resolution do; ``rgb`` all
            channels.

    Returns:
        ``inf`` for equal images.

    Raises:
        ValueError: Shapes or dtypes differ, or nothing is left after the crop.
    """
    one, other = prepared(first, second, crop, channel)
    error = float(np.mean((one - other) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def luma(image: Array) -> NDArray[np.float64]:
    """Returns BT.601 luma, (H, W), in 8-bit levels from 16 to 235.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16.
    """
    peak = np.iinfo(image.dtype).max
    return np.asarray(image @ (np.asarray(LUMA) / peak) + LUMA_OFFSET)


def prepared(
    first: Array, second: Array, crop: int, channel: Channel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Crops two images and takes the channel: float64 in 8-bit levels, (H, W) or (H, W, 3).

    Raises:
        ValueError: Shapes or dtypes differ, or nothing is left after the crop.
    """
    if first.shape != second.shape or first.dtype != second.dtype:
        raise ValueError(
            f"images differ: {first.shape} {first.dtype} and {second.shape} {second.dtype}"
        )
    if min(first.shape[:2]) <= 2 * crop:
        raise ValueError(f"nothing is left of {first.shape[:2]} px after a crop of {crop} px")
    inner = slice(crop, -crop or None)

    def levels(image: Array) -> NDArray[np.float64]:
        image = image[inner, inner]
        if channel == "y" and image.ndim == 3:
            return luma(image)
        return np.asarray(image * (255 / np.iinfo(image.dtype).max), dtype=np.float64)

    return levels(first), levels(second)
