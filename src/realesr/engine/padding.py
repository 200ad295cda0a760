"""Reflection padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def reflect_indices(length: int, start: int, stop: int) -> NDArray[np.int64]:
    """Returns the indices of a line that is continued beyond its end by reflection.

    Args:
        length: Length of the line, px.
        start: First position, 0 or more.
        stop: Position after the last one; it may be any number of reflections away.

    Returns:
        (stop - start,) int64, from 0 to ``length`` - 1. The border pixel is not repeated, as in
        NumPy's and PyTorch's ``reflect``.
    """
    period = max(1, 2 * (length - 1))
    there = np.arange(start, stop) % period
    return np.minimum(there, period - there) if length > 1 else np.zeros_like(there)
