"""Traces of interlacing: the comb at the edges of what has moved between two fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST_STEP = 10
"""Smallest difference of neighboring rows that counts, levels."""


def comb_share(luma: NDArray[np.float64]) -> float:
    """Measures how many pixels differ from the rows above and below in the same direction.

    Rows of two fields that were taken at different times alternate where something has moved. Fine
    texture alternates, too, but in both directions: the share of columns is subtracted.

    Args:
        luma: (H, W), 0 to 255, at least 3 px a side.

    Returns:
        The share, -1 to 1; above 0.02 in a frame of two fields with motion.
    """
    return _alternating(luma) - _alternating(luma.T)


def _alternating(luma: NDArray[np.float64]) -> float:
    above = luma[:-2] - luma[1:-1]
    below = luma[2:] - luma[1:-1]
    has_steps = (np.abs(above) > _LEAST_STEP) & (np.abs(below) > _LEAST_STEP)
    return float((has_steps & (above * below > 0)).mean())
