"""Blind questions: views shuffled for each subject, and what is asked about them."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from realesr.comparison.content import Comparison, Subject
from realesr.errors import InvalidOptionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A question about a subject.

    Attributes:
        subject: Number of the subject.
        views: The view that is rated, or the views to the left and right; 0 is the input.
    """

    subject: int
    views: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindComparison:
    """A comparison whose views have lost their order, and the questions.

    Attributes:
        comparison: The comparison; each subject's entries are in an order of their own.
        tasks: The questions in order.
        ask: ``pairs`` or ``ratings``.
        seed: Seed of the shuffling.
    """

    comparison: Comparison
    tasks: tuple[Task, ...]
    ask: str
    seed: int

    @property
    def key(self) -> str:
        """The names of all views by subject, as base64 of JSON: hidden from eyes, not secret."""
        names = [[view.name for view in subject.views] for subject in self.comparison.subjects]
        return base64.b64encode(json.dumps(names).encode()).decode()


def blinded(comparison: Comparison, *, ask: str, seed: int) -> BlindComparison:
    """Shuffles the views of each subject, and the questions about it.

    The order follows from the seed and the name of the subject alone, so that it does not change
    when another image is added.

    Args:
        comparison: What is compared.
        ask: ``pairs``: each two entries of a subject; ``ratings``: each entry by itself.
        seed: Seed of the shuffling.

    Raises:
        InvalidOptionError: There are too few entries to ask about.
    """
    least = 2 if ask == "pairs" else 1
    if len(comparison.entries) < least:
        raise InvalidOptionError(f"`ask` {ask} needs at least {least} entries to compare")
    tasks: list[Task] = []
    subjects: list[Subject] = []
    for number, subject in enumerate(comparison.subjects):
        rng = np.random.default_rng([seed, *os.fsencode(subject.name)])
        shuffled = [subject.views[1 + index] for index in rng.permutation(len(subject.views) - 1)]
        subjects.append(replace(subject, views=(subject.views[0], *shuffled)))
        tasks += _tasks(number, len(shuffled), ask, rng)
    return BlindComparison(
        comparison=replace(comparison, subjects=tuple(subjects)),
        tasks=tuple(tasks),
        ask=ask,
        seed=seed,
    )


def _tasks(subject: int, entries: int, ask: str, rng: np.random.Generator) -> list[Task]:
    numbers = range(1, entries + 1)
    if ask == "ratings":
        return [Task(subject=subject, views=(number,)) for number in numbers]
    pairs = list(combinations(numbers, 2))
    tasks = []
    for index in rng.permutation(len(pairs)):
        first, second = pairs[index]
        sides = (first, second) if rng.random() < 0.5 else (second, first)
        tasks.append(Task(subject=subject, views=sides))
    return tasks
