"""What all executors of several workers share: who gets which units, and what becomes of them."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from realesr.errors import RealesrError
from realesr.imaging.upscaler import ImageUpscaler
from realesr.jobs import Job
from realesr.options import UpscaleOptions
from realesr.pipeline.executors.base import UnitReporter
from realesr.pipeline.units import Units, WorkUnit
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
        fewest: Number from which the work decides.
        most: Largest number.
        work: Work in a chunk that is full.
        work_of: Returns the work on an input, in the same unit.
    """

    fewest: int = 1
    most: int = 1
    work: int = 0
    work_of: Callable[[Job], int] | None = None

    @classmethod
    def of(cls, count: int) -> Self:
        """Returns chunks of a fixed number of units."""
        return cls(fewest=count, most=count)

    def is_full(self, count: int, work: int) -> bool:
        """Returns whether a chunk takes no more units."""
        return count >= self.most or (count >= self.fewest and work >= self.work)


ONE_BY_ONE = Chunks()


class Shares:
    """The units of a run: which wait, and what became of the others.

    Only units that a worker has, or has left, are in memory.

    Args:
        units: What is to be done.
        report: Receives events of units.
        chunks: How many a worker gets at a time.

    Attributes:
        done: Number of units whose output stands.
        failed: Units without an output.
    """

    def __init__(self, units: Units, report: UnitReporter, chunks: Chunks) -> None:
        self.done = 0
        self.failed: list[WorkUnit] = []
        self._count = len(units)
        self._new = enumerate(units)
        self._taken = 0
        self._report = report
        self._chunks = chunks
        self._open: dict[int, WorkUnit] = {}
        self._left: deque[int] = deque()
        self._deaths: dict[int, int] = {}
        self._begun: set[int] = set()
        self._begun_count = 0

    @property
    def waiting(self) -> int:
        """Number of units that no worker has."""
        return len(self._left) + self._count - self._taken

    @property
    def is_over(self) -> bool:
        """Whether every unit has ended."""
        return self.done + len(self.failed) == self._count

    def unit(self, number: int) -> WorkUnit:
        """Returns the unit of a number, which has not ended."""
        return self._open[number]

    def take(self, workers: int) -> dict[int, WorkUnit]:
        """Takes the next units for one of several workers; returns them by their numbers."""
        # At the end of a run the rest is shared.
        limit = max(1, min(self._chunks.most, self.waiting // max(workers, 1)))
        taken: dict[int, WorkUnit] = {}
        work = 0
        while len(taken) < limit and not (taken and self._chunks.is_full(len(taken), work)):
            number = self._next()
            taken[number] = self._open[number]
            if self._chunks.work_of is not None:
                work += self._chunks.work_of(taken[number].job)
        return taken

    def _next(self) -> int:
        """Returns the number of the next unit: one that a worker has left, or a new one."""
        if self._left:
            return self._left.popleft()
        number, unit = next(self._new)
        self._taken += 1
        self._open[number] = unit
        return number

    def on_event(self, assigned: dict[int, WorkUnit], number: int, event: Event) -> None:
        """Passes an event on.

        Args:
            assigned: What the worker has; a unit that has ended is removed.
            number: Number of the unit.
            event: What the worker tells about it.
        """
        unit = self._open[number]
        match event:
            case Started():
                self._begun_count += number not in self._begun
                self._begun.add(number)
                event = replace(event, job=self._begun_count, jobs=self._count)
            case Finished():
                del assigned[number]
                self.done += 1
                self._forget(number)
            case Failed():
                del assigned[number]
                self.failed.append(unit)
                self._forget(number)
        self._report(unit, event)

    def _forget(self, number: int) -> None:
        del self._open[number]
        self._begun.discard(number)
        self._deaths.pop(number, None)

    def give_back(self, assigned: dict[int, WorkUnit], error: Exception) -> None:
        """Lets others do what a worker has left; a unit on which two have died has failed."""
        left = list(assigned)
        assigned.clear()
        begun = [number for number in left if number in self._begun]
        for number in begun or left[:1]:
            self._deaths[number] = self._deaths.get(number, 0) + 1
        for number in reversed(left):
            if self._deaths.get(number, 0) < _MAX_DEATHS:
                self._left.appendleft(number)
                continue
            unit = self._open[number]
            self.failed.append(unit)
            self._forget(number)
            self._report(unit, Failed(unit.job.source, error))


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
