"""What all executors of several workers share: who gets which units, and what becomes of them."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from realesr.errors import RealesrError
from realesr.imaging.upscaler import ImageUpscaler
from realesr.media.urls import is_url
from realesr.options import UpscaleOptions
from realesr.pipeline.executors.base import UnitReporter
from realesr.pipeline.units import WorkUnit
from realesr.progress import Event, Failed, Finished, Started

_MAX_DEATHS = 2
"""Number of workers that may die on a unit before it has failed."""


class WorkerDiedError(RealesrError):
    """A worker has ended, as when the system runs out of memory."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a worker answers that cannot load its network."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """How many units a worker gets at a time.

    Attributes:
        fewest: Number from which bytes decide.
        most: Largest number.
        size_bytes: Size of the input files above which a chunk is full. Pixels would be better, but
            only headers tell them.
        size_of: Returns the size of an input, bytes.
    """

    fewest: int = 1
    most: int = 1
    size_bytes: int = 0
    size_of: Callable[[Path], int] | None = None

    @classmethod
    def of(cls, count: int) -> Self:
        """Returns chunks of a fixed number of units."""
        return cls(fewest=count, most=count)

    def is_full(self, count: int, size_bytes: int) -> bool:
        """Returns whether a chunk takes no more units."""
        return count >= self.most or (count >= self.fewest and size_bytes >= self.size_bytes)


ONE_BY_ONE = Chunks()


class Shares:
    """The units of a run: which wait, and what became of the others.

    Args:
        units: What is to be done.
        report: Receives events of units.
        chunks: How many a worker gets at a time.
    """

    def __init__(self, units: Sequence[WorkUnit], report: UnitReporter, chunks: Chunks) -> None:
        self.done: list[WorkUnit] = []
        self.failed: list[WorkUnit] = []
        self._units = units
        self._report = report
        self._chunks = chunks
        self._waiting = deque(range(len(units)))
        self._deaths: dict[int, int] = {}
        self._begun: set[int] = set()

    @property
    def waiting(self) -> int:
        """Number of units that no worker has."""
        return len(self._waiting)

    @property
    def is_over(self) -> bool:
        """Whether every unit has ended."""
        return len(self.done) + len(self.failed) == len(self._units)

    def unit(self, number: int) -> WorkUnit:
        """Returns the unit of a number."""
        return self._units[number]

    def take(self, workers: int) -> dict[int, WorkUnit]:
        """Takes the next units for one of several workers; returns them by their numbers."""
        # At the end of a run the rest is shared.
        limit = max(1, min(self._chunks.most, len(self._waiting) // max(workers, 1)))
        taken: dict[int, WorkUnit] = {}
        size_bytes = 0
        while len(taken) < limit and not (taken and self._chunks.is_full(len(taken), size_bytes)):
            number = self._waiting.popleft()
            taken[number] = self._units[number]
            if self._chunks.size_of is not None:
                size_bytes += self._chunks.size_of(taken[number].job.source)
        return taken

    def on_event(self, assigned: dict[int, WorkUnit], number: int, event: Event) -> None:
        """Passes an event on.

        Args:
            assigned: What the worker has; a unit that has ended is removed.
            number: Number of the unit.
            event: What the worker tells about it.
        """
        unit = self._units[number]
        match event:
            case Started():
                self._begun.add(number)
                event = replace(event, job=len(self._begun), jobs=len(self._units))
            case Finished():
                del assigned[number]
                self.done.append(unit)
            case Failed():
                del assigned[number]
                self.failed.append(unit)
        self._report(unit, event)

    def give_back(self, assigned: dict[int, WorkUnit], error: Exception) -> None:
        """Lets others do what a worker has left; a unit on which two have died has failed."""
        left = list(assigned)
        assigned.clear()
        begun = [number for number in left if number in self._begun]
        for number in begun or left[:1]:
            self._deaths[number] = self._deaths.get(number, 0) + 1
        for number in reversed(left):
            if self._deaths.get(number, 0) < _MAX_DEATHS:
                self._waiting.appendleft(number)
                continue
            unit = self._units[number]
            self.failed.append(unit)
            self._report(unit, Failed(unit.job.source, error))


def file_size(path: Path) -> int:
    """Returns the size of a file or of a listed object, bytes; 0 if it is gone."""
    if is_url(path):
        from realesr.media.remote import sizes

        return sizes.get(str(path), 0)
    try:
        return os.stat(path).st_size  # noqa: PTH116 -- many thousand times
    except OSError:
        return 0


def loaded_once(
    load_upscaler: Callable[[UpscaleOptions], ImageUpscaler], refuse: Callable[[Refusal], None]
) -> Callable[[UpscaleOptions], ImageUpscaler]:
    """Returns a function that loads a network for the first unit and keeps it.

    Args:
        load_upscaler: Loads it.
        refuse: Is told when that is impossible; the error is raised, too.
    """
    loaded: dict[UpscaleOptions, ImageUpscaler] = {}

    def load(options: UpscaleOptions) -> ImageUpscaler:
        if options not in loaded:
            try:
                loaded[options] = load_upscaler(options)
            except Exception as error:
                refuse(Refusal(error))
                raise
        return loaded[options]

    return load


def portable(event: Event) -> Event:
    """Replaces an error that cannot be sent to another process by its words."""
    if isinstance(event, Failed) and not isinstance(event.error, RealesrError):
        try:
            pickle.loads(pickle.dumps(event.error))  # noqa: S301 - what was made here
        except Exception:
            words = f"{type(event.error).__name__}: {event.error}"
            return Failed(event.source, RealesrError(words))
    return event
