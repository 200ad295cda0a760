"""Strengths from pairwise preferences: the model of Bradley and Terry (1952)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TOLERANCE = 1e-10
_MOST_STEPS = 100_000
_Z95 = 1.959964
"""Quantile of the normal distribution for two-sided 95 %."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """Fitted strengths of n entries.

    Attributes:
        logs: (n,) natural logarithms of the strengths, with mean 0.
        half_widths: (n,) half widths of their 95 % intervals.
    """

    logs: Array
    half_widths: Array

    def chance(self, first: int, second: int) -> float:
        """Returns the probability that ``first`` is preferred to ``second``."""
        return float(1 / (1 + np.exp(self.logs[second] - self.logs[first])))


def fit_bradley_terry(wins: Array) -> Strengths:
    """Fits strengths p to wins, where i beats j with probability p_i / (p_i + p_j).

    The likelihood is maximized by the MM algorithm of Hunter (2004, "MM algorithms for generalized
    Bradley-Terry models", Annals of Statistics 32, eq. 3 and 4):

        p_i <- W_i / sum_{j != i} N_ij / (p_i + p_j)

    with the wins W_i of i and the number N_ij of comparisons of i and j, after which p is
    normalized; every step increases the likelihood. Intervals come from the observed information
    of the logarithms, the Laplacian of the weights N_ij p_i p_j / (p_i + p_j)^2, whose
    pseudoinverse is their covariance for a mean of 0.

    Args:
        wins: (n, n), where [i, j] is how often i was preferred to j; a tie is half a win for both.
            The diagonal is ignored.

    Returns:
        The strengths.

    Raises:
        ValueError: The maximum does not exist, because some entries have never lost to others.
    """
    wins = np.array(wins, np.float64)
    np.fill_diagonal(wins, 0)
    if not has_maximum(wins):
        raise ValueError("some entries have never lost to others: their strengths are unbounded")
    games = wins + wins.T
    won = wins.sum(axis=1)
    p = np.full(len(wins), 1 / len(wins))
    for _ in range(_MOST_STEPS):
        new = won / (games / (p[:, None] + p)).sum(axis=1)
        new /= np.exp(np.log(new).mean())
        change = np.abs(np.log(new / p)).max()
        p = new
        if change < _TOLERANCE:
            break
    return Strengths(np.log(p), _half_widths(games, p))


def has_maximum(wins: Array) -> bool:
    """Returns whether the likelihood has a maximum.

    It has one if in every split of the entries into two groups each group has a win against the
    other (Ford 1957; Hunter's assumption 1): if the graph of wins is strongly connected.
    """
    reachable = np.eye(len(wins), dtype=bool) | (wins > 0)
    for _ in range(len(wins)):
        reachable = reachable @ reachable
    return bool(reachable.all())


def _half_widths(games: Array, p: Array) -> Array:
    weights = games * np.outer(p, p) / (p[:, None] + p) ** 2
    laplacian = np.diag(weights.sum(axis=1)) - weights
    variances = np.diag(np.linalg.pinv(laplacian, hermitian=True))
    return np.asarray(_Z95 * np.sqrt(np.maximum(variances, 0)))
