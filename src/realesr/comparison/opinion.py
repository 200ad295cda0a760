"""Mean opinion scores with their intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_Z975 = 1.959963985
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Score:
    """A mean opinion score.

    Attributes:
        mean: Mean of the ratings, 1 to 5.
        half_width: Half width of its 95 % interval; NaN for a single rating.
        count: Number of ratings.
    """

    mean: float
    half_width: float
    count: int


def mean_opinion_score(ratings: Sequence[float]) -> Score:
    """Returns the mean of ratings and its 95 % interval.

    As ITU-R BT.500-15, annex 1, section 2.2.1 the half width is c S / sqrt(n) with the sample
    deviation S. There c is 1.96; here it is Student's quantile, which is larger for few ratings.

    Args:
        ratings: Ratings, 1 to 5, at least one.

    Raises:
        ValueError: There are no ratings.
    """
    if not ratings:
        raise ValueError("no ratings")
    count = len(ratings)
    mean = statistics.fmean(ratings)
    if count == 1:
        return Score(mean, math.nan, 1)
    deviation = statistics.stdev(ratings)
    return Score(mean, student_quantile(count - 1) * deviation / math.sqrt(count), count)


def student_quantile(freedom: int) -> float:
    """Returns the 97.5 % quantile of Student's t distribution.

    Exact for 1 and 2 degrees of freedom; else the expansion of Abramowitz and Stegun (1964),
    26.7.5, within 0.1 % from 4 degrees on, and 0.5 % at 3.

    Args:
        freedom: Degrees of freedom, at least 1.
    """
    if freedom == 1:
        return math.tan(0.475 * math.pi)
    if freedom == 2:
        return 0.95 * math.sqrt(2 / (1 - 0.95**2))
    z, n = _Z975, freedom
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )
