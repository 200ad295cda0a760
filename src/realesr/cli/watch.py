"""``--watch``: finds new and changed files in folders as soon as they are complete."""

from __future__ import annotations

import os
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
"""Time without changes after which a file counts as complete, s."""

_Stamp = tuple[int, int]


def check_watchable(files: FileOptions) -> None:
    """Checks that the inputs can be watched.

    Raises:
        InvalidOptionError: An input is no folder, or outputs would become inputs.
    """
    for path in files.inputs:
        if not os.path.isdir(path):  # noqa: PTH112 -- never raises
            raise InvalidOptionError(f"--watch looks at folders, and {path} is none: make it first")
        if os.path.realpath(files.output) == os.path.realpath(path):
            raise InvalidOptionError(
                f"--watch: outputs in {files.output} would be taken for inputs: choose another "
                "--output"
            )


def watch(
    files: FileOptions,
    media_type: AnyMediaType = IMAGES,
    *,
    notify: Notify,
    interval_s: float = INTERVAL_S,
) -> Iterator[Plan]:
    """Scans folders repeatedly and yields plans of new or changed files. It never ends.

    A file is complete when two consecutive scans see the same size and modification time. Outputs
    keep their names, whatever files come later.

    Args:
        files: The input folders and the outputs.
        media_type: Images or videos.
        notify: Receives a notice when a scan gives no plan, and for everything that cannot be read
            or is left out; it is repeated only after it has gone.
        interval_s: Time between two scans, s.
    """
    before: dict[Path, _Stamp] = {}
    done: dict[Path, _Stamp] = {}
    names: dict[Path, Path] = {}
    told: set[Notice] = set()
    while True:
        try:
            plan = make_plan(files, media_type, earlier=names)
            news = {Notice("watch-failed", str(each.error)) for each in plan.refused}
        except RealesrError as reason:
            plan, news = Plan(jobs=()), {Notice("watch-failed", str(reason))}
        news |= set(plan.notices)
        for notice in sorted(news - told, key=str):
            notify(notice)
        told = news
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
            names |= {job.source: job.destination for job in ready}
            yield replace(plan, jobs=ready, refused=(), notices=())
        else:
            time.sleep(interval_s)


def _stamp(path: Path) -> _Stamp | None:
    """Returns size and modification time of a file; None if it is missing or empty."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if status.st_size else None
