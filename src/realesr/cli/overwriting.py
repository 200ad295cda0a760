"""What a command writes beside its results must not replace what it reads or makes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.media.series.names import frames_of
from realesr.plan import Plan


def refuse_overwriting(option: str, path: Path, used: Iterable[Path | None]) -> None:
    """Refuses to write a file over one that belongs to the run.

    Args:
        option: What the error calls it, such as ```report```.
        path: The file that is going to be written.
        used: Files that the run reads or makes; None is passed over.

    Raises:
        InvalidOptionError: It is one of them, also by way of links, or a folder.
    """
    taken = (os.path.realpath(each) for each in used if each is not None)
    if os.path.isdir(path) or os.path.realpath(path) in taken:  # noqa: PTH112 -- never raises
        raise InvalidOptionError(f"{option} {path}: is an input, an output or a folder")


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
