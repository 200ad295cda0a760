"""Lattice: a pattern that repeats with the pixels of the input, such as a checkerboard or a weave.

A network that upscales ``n`` times makes ``n`` x ``n`` px of the result from one px of the input,
each with weights of its own. What these do differently shows on even areas as a pattern with a
period of ``n`` px, that is at the frequencies ``(i / n, j / n)``. The definitions are this
project's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEAREST = 3
_FARTHEST = 6
"""Distance of a frequency's neighbors, bins: outside the window's main lobe, near enough."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """A pattern in areas that are not constant.

    Attributes:
        peak: Largest power at a frequency of the lattice, divided by the power around it. 1 is no
            pattern; noise has up to about 1.5, since the largest is taken.
        amplitude: Root mean square of what is above the surroundings, levels.
    """

    peak: float
    amplitude: float


def phase_deviation(plane: NDArray[np.floating], period: int) -> float:
    """Returns the root mean square of the pattern on what should be constant.

    The standard deviation of the ``period`` x ``period`` means over all pixels that lie at the same
    place of a cell. By Parseval's theorem it is the energy at the frequencies of the lattice.

    Args:
        plane: (H, W), any unit, which is that of the result.
        period: Of the pattern, px; height and width are cut to multiples.
    """
    height, width = (side // period * period for side in plane.shape)
    cells = plane[:height, :width].reshape(height // period, period, width // period, period)
    return float(cells.mean(axis=(0, 2)).std())


def lattice(patches: NDArray[np.floating], period: int) -> Lattice:
    """Measures the pattern on even areas that have texture or noise.

    The power spectra of the patches (Welch, 1967: Hann's window, mean removed) are averaged. At
    each frequency ``(i / period, j / period)`` but 0 the mean of the 3x3 bins, which the window's
    main lobe fills, is compared with the median of the bins at a distance of 3 to 6; on an axis, of
    those on the axis, because horizontal and vertical lines fill it. The noise of rounding to whole
    levels is added to both, so that nothing far below it counts. Of noise, a twentieth of its
    deviation passes as amplitude, because negative differences do not count.

    Args:
        patches: (N, side, side) luma in levels; the side is a multiple of the period, and at least
            16 times as large.
        period: Of the pattern, px.

    Raises:
        ValueError: There is no patch, or they are too small.
    """
    count, side = patches.shape[:2]
    if not count or side % period or side < 16 * period:
        raise ValueError(f"patches must be at least {16 * period} px large, not {patches.shape}")
    window = np.outer(*[np.hanning(side + 1)[:-1]] * 2)
    weight = float((window**2).sum())
    means = (patches * window).sum(axis=(1, 2)) / window.sum()
    spectra = np.fft.fft2((patches - means[:, None, None]) * window)
    power = (np.abs(spectra) ** 2).mean(axis=0)
    rounding = weight / 12
    peak, excess = 0.0, 0.0
    for row in range(period):
        for column in range(period):
            if row == column == 0:
                continue
            at = row * side // period, column * side // period
            here, around = _compared(power, *at)
            peak = max(peak, (here + rounding) / (around + rounding))
            excess += max(0.0, 9 * (here - around))
    return Lattice(peak, float(np.sqrt(excess / (weight * side**2))))


def _compared(power: NDArray[np.floating], row: int, column: int) -> tuple[float, float]:
    """Returns the mean of the 3x3 bins at a frequency, and the median around them."""

    def bins(reach: int) -> list[tuple[int, int]]:
        offsets = range(-reach, reach + 1)
        return [(y, x) for y in (offsets if row else (0,)) for x in (offsets if column else (0,))]

    def at(y: int, x: int) -> float:
        return float(power[(row + y) % len(power), (column + x) % len(power)])

    here = [at(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    around = [at(y, x) for y, x in bins(_FARTHEST) if max(abs(y), abs(x)) >= _NEAREST]
    return float(np.mean(here)), float(np.median(around))
