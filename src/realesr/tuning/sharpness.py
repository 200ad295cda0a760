"""The blur of an image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_REBLUR = 1.0
"""Deviation of the known blur that is added, px."""
_SHARE_OF_EDGES = 0.02
"""Share of the pixels that count as edges: those with the strongest gradients."""
_QUANTILE = 0.3
"""Quantile of the edges' blurs: the sharpest are in focus, and tell what the image can hold."""
_LEAST_GRADIENT = 6.0


def blur_deviation(luma: NDArray[np.float64]) -> float | None:
    """Estimates the blur of the sharp edges, as the deviation of a Gaussian.

    As Zhuo and Sim (2011, "Defocus map estimation from a single image", Pattern Recognition 44, eq.
    4 to 7): a step edge that a Gaussian of deviation s has blurred has a gradient that falls by
    R = sqrt((s^2 + r^2) / s^2) when it is blurred by another Gaussian of deviation r, so that
    s = r / sqrt(R^2 - 1).

    Args:
        luma: (H, W), 0 to 255.

    Returns:
        The deviation, px; about 0.5 for an image as sharp as its pixels; None if there are no
        edges.
    """
    before = _gradient(luma)
    after = _gradient(np.asarray(cv2.GaussianBlur(luma, (0, 0), _REBLUR), np.float64))
    limit = max(_LEAST_GRADIENT, float(np.quantile(before, 1 - _SHARE_OF_EDGES)))
    peaks = before >= cv2.dilate(before, np.ones((3, 3), np.uint8))
    edges = (before >= limit) & peaks
    edges[:4], edges[-4:], edges[:, :4], edges[:, -4:] = False, False, False, False
    if edges.sum() < 20:
        return None
    ratio = before[edges] / np.maximum(after[edges], 1e-9)
    blurs = _REBLUR / np.sqrt(np.maximum(ratio**2 - 1, 1e-4))
    return float(np.quantile(blurs, _QUANTILE))


def _gradient(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the length of the gradient from central differences, levels per px."""
    down, across = np.gradient(luma)
    return np.asarray(np.hypot(across, down))
