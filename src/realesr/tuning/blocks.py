"""Traces of JPEG: the quality of its tables, and visible blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_STANDARD = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
"""Luminance table K.1 of ITU-T T.81, row by row."""
_BLOCK = 8


def quality_of_table(table: Sequence[int]) -> int:
    """Returns the quality of the Independent JPEG Group whose luminance table is nearest.

    Args:
        table: 64 quantization steps in any order, such as Pillow's ``quantization[0]``.

    Returns:
        1 to 100. Tables of other encoders get the quality with the same mean step.

    Raises:
        ValueError: There are not 64 steps.
    """
    if len(table) != len(_STANDARD):
        raise ValueError(f"a table has 64 steps, not {len(table)}")
    mean = float(np.mean(table))
    return min(range(1, 101), key=lambda quality: abs(np.mean(_scaled(quality)) - mean))


def _scaled(quality: int) -> NDArray[np.int64]:
    """Returns the table of a quality, as ``jpeg_quality_scaling`` in libjpeg's jcparam.c."""
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((np.array(_STANDARD) * factor + 50) // 100, 1, 255), np.int64)


def blockiness(luma: NDArray[np.float64]) -> tuple[float, tuple[int, int]]:
    """Measures how far steps stand out that recur every 8 px, as at the edges of JPEG's blocks.

    A step is what the difference of two neighbors exceeds those to either side by, as in Wang,
    Bovik and Evans (2000, "Blind measurement of blocking artifacts in images"); here averaged for
    each of the 8 places of the grid, so that the grid of an image that was cropped is found.

    Args:
        luma: (H, W), 0 to 255, at least 32 px a side.

    Returns:
        The mean step on the grid, divided by the mean step elsewhere; about 1 without blocks. The
        smaller of both directions, since only blocks stand out in both. And the grid's place (x, y)
        from the upper left corner, 0 to 7.
    """
    ratio_x, place_x = _along(luma)
    ratio_y, place_y = _along(luma.T)
    return min(ratio_x, ratio_y), (place_x, place_y)


def _along(luma: NDArray[np.float64]) -> tuple[float, int]:
    difference = np.abs(np.diff(luma, axis=1))
    step = difference[:, 1:-1] - (difference[:, :-2] + difference[:, 2:]) / 2
    # Step i lies between columns i + 1 and i + 2. Clipped, so that edges do not outweigh blocks.
    mean = np.clip(step, 0, 16).mean(axis=0)
    places = np.array([mean[(place - 2) % _BLOCK :: _BLOCK].mean() for place in range(_BLOCK)])
    best = int(np.argmax(places))
    others = np.delete(places, best).mean()
    return float((places[best] + 0.05) / (others + 0.05)), best
