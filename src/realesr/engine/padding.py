"""Images that go on beyond their borders, as in a mirror."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def reflect_indices(length: int, start: int, stop: int) -> NDArray[np.int64]:
    """Which pixels of a line stand at positions that may lie behind its last one.

    Args:
        length: Of the line, px.
        start: The first position, from 0 on.
        stop: The position after the last one; any number of reflections away.

    Returns:
        (stop - start,) from 0 to ``length`` - 1. The last pixel itself is not repeated.
    """
    period = max(1, 2 * (length - 1))
    there = np.arange(start, stop) % period
    return np.minimum(there, period - there) if length > 1 else np.zeros_like(there)
