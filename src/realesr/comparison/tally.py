"""Counts answers: mean opinion scores, wins, and strengths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realesr.comparison.bradley_terry import Strengths, fit_bradley_terry, has_maximum
from realesr.comparison.opinion import Score, mean_opinion_score
from realesr.comparison.ratings import Answers, Preference, Rating

_PRIOR = 0.5
"""Wins that every entry is given against every other where the fit would have no maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The result of pairwise preferences among n entries.

    Attributes:
        entries: Names of the entries.
        wins: (n, n) float64, where [i, j] is how often i was preferred to j; a tie is half a win.
        ties: Number of answers without a preference.
        strengths: The fit of Bradley and Terry.
        has_prior: Whether half a win was added everywhere, because some entries never lost.
    """

    entries: tuple[str, ...]
    wins: NDArray[np.float64]
    ties: int
    strengths: Strengths
    has_prior: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The result of all answers.

    Attributes:
        raters: Number of people.
        scores: Mean opinion score of each entry, the best one first; empty without ratings.
        preferences: None without preferences.
    """

    raters: int
    scores: tuple[tuple[str, Score], ...]
    preferences: Preferences | None


def tally(answers: Answers) -> Tally:
    """Counts answers."""
    return Tally(
        raters=len(answers.raters),
        scores=_scores(answers.ratings),
        preferences=_preferences(answers.preferences, answers.entries),
    )


def _scores(ratings: Iterable[Rating]) -> tuple[tuple[str, Score], ...]:
    grades: dict[str, list[float]] = defaultdict(list)
    for rating in ratings:
        grades[rating.entry].append(rating.grade)
    scores = [(entry, mean_opinion_score(values)) for entry, values in grades.items()]
    return tuple(sorted(scores, key=lambda item: -item[1].mean))


def _preferences(choices: Sequence[Preference], order: Sequence[str]) -> Preferences | None:
    if not choices:
        return None
    compared = {name for choice in choices for name in (choice.left, choice.right)}
    entries = tuple(name for name in order if name in compared)
    number = {name: index for index, name in enumerate(entries)}
    wins = np.zeros((len(entries), len(entries)))
    for choice in choices:
        left, right = number[choice.left], number[choice.right]
        share = {"left": 1.0, "none": 0.5, "right": 0.0}[choice.preferred]
        wins[left, right] += share
        wins[right, left] += 1 - share
    has_prior = not has_maximum(wins)
    fitted = fit_bradley_terry(wins + _PRIOR if has_prior else wins)
    return Preferences(
        entries=entries,
        wins=wins,
        ties=sum(choice.preferred == "none" for choice in choices),
        strengths=fitted,
        has_prior=has_prior,
    )
