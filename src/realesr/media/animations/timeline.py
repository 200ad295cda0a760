"""When the frames of an animation are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Literal

Kind = Literal["GIF", "WEBP", "PNG", "AVIF"]
"""An animated format, by Pillow's name."""
FOREVER = 0
"""Number of plays that stands for no end."""
MISSING_DURATION = Fraction(1, 10)
"""Time that browsers show a frame which states none, s."""


@dataclass(frozen=True, slots=True)
class Plays:
    """How often an animation is played in all; :data:`FOREVER` for no end."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The time line of an animation.

    Attributes:
        kind: The format.
        durations: Time that each frame is shown, s; above 0.
        plays: How often it is played in all; :data:`FOREVER` for no end.
        unstated: Number of frames that state no time, or one that browsers do not keep.
    """

    kind: Kind
    durations: tuple[Fraction, ...]
    plays: int = FOREVER
    unstated: int = 0

    @property
    def times(self) -> tuple[Fraction, ...]:
        """When each frame begins, s."""
        return tuple(accumulate(self.durations, initial=Fraction(0)))[:-1]


def make_timeline(
    kind: Kind, events: Iterable[Fraction | Plays], *, shortest: Fraction = Fraction(0)
) -> Timeline:
    """Makes a time line of what a file states.

    Args:
        kind: The format.
        events: Durations, s, in the order of the frames, and the number of plays.
        shortest: Longest time that browsers take for a missing one, s.
    """
    stated: list[Fraction] = []
    plays = 1
    for event in events:
        if isinstance(event, Plays):
            plays = event.count
        else:
            stated.append(event)
    durations = tuple(MISSING_DURATION if each <= shortest else each for each in stated)
    unstated = sum(each <= shortest for each in stated)
    return Timeline(kind=kind, durations=durations, plays=plays, unstated=unstated)
