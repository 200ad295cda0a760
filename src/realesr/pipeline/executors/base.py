"""The interface of everything that carries out work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from realesr.imaging.upscaler import ImageUpscaler
from realesr.options import UpscaleOptions
from realesr.pipeline.units import Units, WorkUnit
from realesr.progress import Event, Reporter

UnitReporter = Callable[[WorkUnit, Event], None]
"""Receives events with the unit that they are about."""
LoadUpscaler = Callable[[UpscaleOptions], ImageUpscaler]
"""Loads what upscales. It is called for each unit and returns one object for equal options."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """The result of a run.

    Attributes:
        done: Number of units whose output stands.
        failed: Units without an output.
    """

    done: int
    failed: tuple[WorkUnit, ...]


class Executor(Protocol):
    """Carries out units of work, in this process or in others."""

    def run(self, units: Units, report: UnitReporter) -> RunReport:
        """Carries out all units. One that fails is reported, and the others go on.

        Args:
            units: What is to be done.
            report: Receives events, from the caller's thread alone.

        Raises:
            Exception: What prevents every unit, such as weights that cannot be loaded.
        """
        ...


def of_jobs(report: Reporter) -> UnitReporter:
    """Returns a reporter that passes events on without their units."""
    return lambda unit, event: report(event)
