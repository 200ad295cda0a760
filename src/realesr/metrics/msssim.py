"""Structural similarity at several scales."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from realesr.metrics.psnr import Array, Channel, prepared
from realesr.metrics.ssim import WINDOW, components

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the scales, from the full one to the fifth (section 3.2): observers set them."""
SMALLEST = WINDOW * 2 ** (len(EXPONENTS) - 1)
"""Smallest side of an image, px: the window must fit at the fifth scale."""


def ms_ssim(first: Array, second: Array, *, crop: int = 0, channel: Channel = "y") -> float:
    """Returns the multiscale structural similarity, in [0, 1]; 1 for equal images.

    Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment",
    2003, equation 7: the product over five scales of the mean comparison of contrast and structure,
    and of the comparison of means at the coarsest scale, each to a power. From scale to scale the
    image is halved by averaging 2x2 px. A negative mean counts as 0, because its power is no real
    number.

    Args:
        first: (H, W, 3) RGB or (H, W), uint8 or uint16, full range.
        second: Array of the same shape and dtype.
        crop: Width of the border that is left out, px; usually the scale.
        channel: ``y`` for BT.601 luma (16 to 235); ``rgb`` for all channels, which are averaged.

    Raises:
        ValueError: As :func:`~realesr.metrics.psnr.psnr`, or a side of the cropped image is below
            176 px.
    """
    one, other = prepared(first, second, crop, channel)
    if min(one.shape[:2]) < SMALLEST:
        raise ValueError(
            f"{one.shape[:2]} px after a crop of {crop} px: MS-SSIM needs {SMALLEST} px"
        )
    planes = zip(np.atleast_3d(one).T, np.atleast_3d(other).T, strict=True)
    return float(np.mean([_of_plane(a, b) for a, b in planes]))


def _of_plane(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    factors: list[float] = []
    for exponent in EXPONENTS:
        luminance, structure = components(first, second)
        is_last = len(factors) == len(EXPONENTS) - 1
        mean = np.mean(luminance * structure if is_last else structure)
        factors.append(max(float(mean), 0.0) ** exponent)
        first, second = _averaged(first), _averaged(second)
    return math.prod(factors)


def _averaged(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Halves a plane by means of 2x2 px; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in plane.shape)
    even = plane[:height, :width]
    return np.asarray(even.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)))
