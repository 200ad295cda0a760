"""Peak signal-to-noise ratio, and the preparation of images for metrics."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Channel = Literal["y", "rgb"]
Array = NDArray[Any]

LUMA = (65.481, 128.553, 24.966)
"""Weights of R, G, B in [0, 1] for BT.601 luma in 8-bit levels, as in MATLAB's ``rgb2ycbcr``."""
LUMA_OFFSET = 16.0
"""BT.601 luma of black, 8-bit levels."""


def psnr(first: Array, second: Array, *, crop: int = 0, channel: Channel = "y") -> float:
    """Returns ``10 log10(peak^2 / mean squared difference)`` in dB; higher is closer.

    Args:
        first: (H, W, 3) RGB or (H, W), uint8 or uint16, full range.
        second: Array of the same shape and dtype.
        crop: Width of the border that is left out, px; usually the scale.
        channel: ``y`` for BT.601 luma (16 to 235), as in papers on super-resolution; ``rgb`` for
            all channels.

    Returns:
        The ratio in dB, ``inf`` for equal images.

    Raises:
        ValueError: Shapes or dtypes differ or are not supported, the channel is unknown, the crop
            is negative, or nothing is left after it.
    """
    one, other = prepared(first, second, crop, channel)
    error = float(np.mean((one - other) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def luma(image: Array) -> NDArray[np.float64]:
    """Returns BT.601 luma, (H, W) float64, 8-bit levels from 16 to 235, not rounded.

    Args:
        image: (H, W, 3) RGB; uint8 or uint16, full range, or floating point in [0, 1].

    Raises:
        ValueError: Shape or dtype is not supported.
    """
    require_rgb(image)
    peak = 1 if np.issubdtype(image.dtype, np.floating) else peak_of(image)
    return np.asarray(image @ (np.asarray(LUMA) / peak) + LUMA_OFFSET)


def peak_of(image: Array) -> int:
    """Returns the value of white: 255 for uint8, 65535 for uint16.

    Raises:
        ValueError: The dtype is another one; the range of floating point is unknown.
    """
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"an image must be uint8 or uint16, not {image.dtype}")
    return int(np.iinfo(image.dtype).max)


def require_rgb(image: Array) -> None:
    """Raises ``ValueError`` unless the image is (H, W, 3) and not empty."""
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"an image must be (H, W, 3) and not empty, not {image.shape}")


def cropped(image: Array, crop: int) -> Array:
    """Returns a view without ``crop`` px at each border of a (H, W, ...) array.

    Raises:
        ValueError: The crop is negative, or nothing is left.
    """
    if crop < 0:
        raise ValueError(f"a crop must not be negative: {crop} px")
    if min(image.shape[:2]) <= 2 * crop:
        raise ValueError(f"nothing is left of {image.shape[:2]} px after a crop of {crop} px")
    inner = slice(crop, -crop or None)
    return image[inner, inner]


def prepared(
    first: Array, second: Array, crop: int, channel: Channel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Crops two images and selects the channel.

    Args:
        first: As for :func:`psnr`.
        second: As for :func:`psnr`.
        crop: As for :func:`psnr`.
        channel: As for :func:`psnr`.

    Returns:
        Both images, (H, W) or (H, W, 3) float64, 8-bit levels.

    Raises:
        ValueError: As :func:`psnr`.
    """
    if channel not in get_args(Channel):
        raise ValueError(f"a channel is one of {get_args(Channel)}, not {channel!r}")
    if first.shape != second.shape or first.dtype != second.dtype:
        raise ValueError(
            f"images differ: {first.shape} {first.dtype} and {second.shape} {second.dtype}"
        )
    if first.ndim != 2:
        require_rgb(first)
    scale = 255 / peak_of(first)

    def levels(image: Array) -> NDArray[np.float64]:
        image = cropped(image, crop)
        if channel == "y" and image.ndim == 3:
            return luma(image)
        return np.asarray(image * scale, dtype=np.float64)

    return levels(first), levels(second)
