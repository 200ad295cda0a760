"""Structural similarity."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.metrics.psnr import Array, Channel, prepared

WINDOW = 11
"""Side of the Gaussian window, px (Wang et al., 2004, section III-C)."""
SIGMA = 1.5
"""Standard deviation of the Gaussian window, px (Wang et al., 2004, section III-C)."""
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


def ssim(first: Array, second: Array, *, crop: int = 0, channel: Channel = "y") -> float:
    """Returns the mean structural similarity, in [-1, 1]; 1 for equal images.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004,
    equation 13. Only windows that lie inside the image count; channels are averaged.

    Args:
        first: (H, W, 3) RGB or (H, W), uint8 or uint16, full range.
        second: Array of the same shape and dtype.
        crop: Width of the border that is left out, px; usually the scale.
        channel: ``y`` for BT.601 luma (16 to 235); ``rgb`` for all channels.

    Raises:
        ValueError: As :func:`~realesr.metrics.psnr.psnr`, or the cropped image is smaller than the
            window.
    """
    one, other = prepared(first, second, crop, channel)
    if min(one.shape[:2]) < WINDOW:
        raise ValueError(
            f"{one.shape[:2]} px after a crop of {crop} px is less than the window of {WINDOW} px"
        )
    planes = zip(np.atleast_3d(one).T, np.atleast_3d(other).T, strict=True)
    return float(np.mean([_ssim_of_plane(a, b) for a, b in planes]))


def _ssim_of_plane(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    luminance, structure = components(first, second)
    return float(np.mean(luminance * structure))


def components(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the two factors of the similarity in each window: equation 13 is their product.

    Args:
        first: (H, W), 8-bit levels, at least as large as the window.
        second: Plane of the same shape.

    Returns:
        The comparison of means (equation 6), and that of contrast and structure (equations 9 and
        10 together), both (H - 10, W - 10).
    """
    mean_1, mean_2 = _smoothed(first), _smoothed(second)
    variance_1 = _smoothed(first**2) - mean_1**2
    variance_2 = _smoothed(second**2) - mean_2**2
    covariance = _smoothed(first * second) - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + _C1) / (mean_1**2 + mean_2**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_1 + variance_2 + _C2)
    return luminance, structure


def _smoothed(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    line = cv2.getGaussianKernel(WINDOW, SIGMA)
    reach = WINDOW // 2
    blurred = cv2.sepFilter2D(np.ascontiguousarray(plane), -1, line, line)
    return np.asarray(blurred[reach:-reach, reach:-reach], dtype=np.float64)
