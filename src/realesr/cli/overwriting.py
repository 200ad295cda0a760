"""What a run of a plan writes beside its results must not replace what it reads or makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from realesr.media.series.names import frames_of
from realesr.overwriting import refuse_overwriting
from realesr.plan import Plan


def refuse_beside(sides: Mapping[str, Path | None], plan: Plan, *others: Path | None) -> None:
    """Refuses what is written beside the results of a plan, over its files or each other.

    Args:
        sides: The files by what errors call them; None is passed over.
        plan: The plan.
        others: More files that the run reads.

    Raises:
        InvalidOptionError: As :func:`refuse_overwriting` does.
    """
    for option, path in sides.items():
        if path is not None:
            rest = (each for name, each in sides.items() if name != option)
            refuse_overwriting(option, path, (*rest, *others, *files_of(plan)))


def files_of(plan: Plan) -> Iterator[Path]:
    """Yields inputs and outputs of a plan, also of those that exist already or are refused."""
    for job in chain(plan.jobs, plan.existing):
        yield from (job.source, job.destination, *frames_of(job.source))
    for refusal in plan.refused:
        yield refusal.source
