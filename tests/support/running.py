"""Runs plans as the commands do."""

from realesr.engine.interpolation import Interpolator
from realesr.options import Target, UpscaleOptions
from realesr.pipeline.executors.base import of_jobs
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.units import units_of


def run_plan(plan, load, media, *, target=None, reporter):
    """Carries out a plan in this process; ``load`` takes no arguments."""
    options = UpscaleOptions(target=target or Target())
    units = tuple(units_of(plan, options, media))
    return LocalExecutor(lambda options: load()).run(units, of_jobs(reporter))


def run_in_process(unit):
    """What a worker process does with a unit; returns the events."""
    events = []
    LocalExecutor(lambda options: Interpolator(options.model_name)).run(
        [unit], of_jobs(events.append)
    )
    return events
