"""The level of noise in an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MAD = 0.6745
"""Median of the absolute value of a standard normal variable."""
_BLOCK = 16
"""Side of a block of coefficients; twice that many px."""
_SHARE = 0.2
"""Quantile of the blocks' levels: blocks without texture have the lowest."""


def noise_deviation(luma: NDArray[np.float64]) -> float:
    """Estimates the standard deviation of white noise.

    As Donoho (1995, "De-noising by soft-thresholding", section 10): the median absolute value of
    the finest diagonal wavelet coefficients, here Haar's (a - b - c + d) / 2, divided by 0.6745.
    Texture has such coefficients, too. So the median is taken block by block, and of the blocks'
    values a low quantile.

    Args:
        luma: (H, W), 0 to 255, at least 4 px a side.

    Returns:
        The deviation of the luma, 0 to 255. Noise that is independent in R, G and B has 0.67 of
        its deviation in luma.
    """
    height, width = (side // 2 * 2 for side in luma.shape)
    even = luma[:height, :width]
    diagonal = (even[::2, ::2] - even[::2, 1::2] - even[1::2, ::2] + even[1::2, 1::2]) / 2
    rows, columns = (max(1, side // _BLOCK) for side in diagonal.shape)
    if min(diagonal.shape) < _BLOCK:
        return float(np.median(np.abs(diagonal)) / _MAD)
    blocks = diagonal[: rows * _BLOCK, : columns * _BLOCK]
    blocks = blocks.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK**2)
    levels = np.median(np.abs(blocks), axis=1) / _MAD
    # Saturated blocks hold no noise, whatever the image has.
    blocks_mean = even[: rows * 2 * _BLOCK, : columns * 2 * _BLOCK]
    means = blocks_mean.reshape(rows, 2 * _BLOCK, columns, 2 * _BLOCK).mean(axis=(1, 3)).ravel()
    inner = levels[(means > 8) & (means < 247)]
    return float(np.quantile(inner if inner.size else levels, _SHARE))
