"""Means over pictures, and how far they can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its interval of 95 %.

    Attributes:
        value: The mean.
        low: Lower end of the interval; equal to the mean for one picture.
        high: Upper end.
        count: Number of pictures.
    """

    value: float
    low: float
    high: float
    count: int


def mean_of(values: Sequence[float]) -> Mean:
    """Returns the mean and its bootstrap interval.

    Efron, "Bootstrap methods: another look at the jackknife", 1979: the pictures are drawn with
    replacement 10,000 times; the interval spans the percentiles 2.5 to 97.5 of the means. It tells
    how much the mean depends on which pictures were taken. With few pictures it is too narrow.

    Args:
        values: One value a picture, at least one.
    """
    mean = math.fsum(values) / len(values)
    if len(values) == 1 or not all(map(math.isfinite, values)):
        return Mean(mean, mean, mean, len(values))
    rng = np.random.default_rng(0)
    array = np.asarray(values, dtype=np.float64)
    means = [array[rng.integers(0, len(array), len(array))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return Mean(mean, float(low), float(high), len(values))
