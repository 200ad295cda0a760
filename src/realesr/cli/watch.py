"""``--watch``: what is put into a folder, as soon as it is whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from realesr.errors import InvalidOptionError, RealesrError
from realesr.media.formats import IMAGES, AnyMediaType
from realesr.options import FileOptions
from realesr.plan import Plan, make_plan
from realesr.progress import Notice, Notify

INTERVAL_S = 1.0
"""How long a file must rest before it counts as whole, s."""

_Stamp = tuple[int, int]


def check_watchable(files: FileOptions) -> None:
    """Tells whether the inputs can be watched, before anything is loaded.

    Raises:
        InvalidOptionError: One is no folder, or outputs would come back as inputs.
    """
    for path in files.inputs:
        if not path.is_dir():
            raise InvalidOptionError(f"--watch looks at folders, and {path} is none: make it first")
        if files.output.resolve() == path.resolve():
            raise InvalidOptionError(
                f"--watch: outputs in {files.output} would be taken for inputs: choose another "
                "--output"
            )


def watch(
    files: FileOptions,
    kind: AnyMediaType = IMAGES,
    *,
    notify: Notify,
    interval_s: float = INTERVAL_S,
) -> Iterator[Plan]:
    """Looks again and again, and yields plans of what is new, or has changed since it was done.

    A file counts when two looks in a row see the same size and time of change. It never ends.

    Args:
        files: What is watched.
        kind: Whether images or videos are meant.
        notify: Receives what keeps a look from a plan, such as two files that would have one
            output; once, until that changes.
        interval_s: Time between two looks, s.
    """
    before: dict[Path, _Stamp] = {}
    done: dict[Path, _Stamp] = {}
    trouble = ""
    while True:
        try:
            plan, error = make_plan(files, kind), ""
        except RealesrError as reason:
            plan, error = Plan(jobs=()), str(reason)
        if error and error != trouble:
            notify(Notice("watch-failed", error))
        trouble = error
        stamps = {job.source: _stamp(job.source) for job in plan.jobs}
        now = {path: stamp for path, stamp in stamps.items() if stamp is not None}
        ready = tuple(
            job
            for job in plan.jobs
            if job.source in now
            and now[job.source] == before.get(job.source)
            and now[job.source] != done.get(job.source)
        )
        before = now
        if ready:
            done |= {job.source: now[job.source] for job in ready}
            yield replace(plan, jobs=ready)
        else:
            time.sleep(interval_s)


def _stamp(path: Path) -> _Stamp | None:
    """What changes when a file does; None if it has gone, or holds nothing yet."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if status.st_size else None
