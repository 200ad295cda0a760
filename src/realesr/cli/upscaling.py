"""The common part of ``realesr image`` and ``realesr video``: runs jobs from arguments."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.cli.executors import Loader, cluster_executor, local_executor
from realesr.cli.options.effects import ineffective
from realesr.cli.options.model import cluster_options, upscale_options, worker_options
from realesr.cli.overwriting import refuse_beside
from realesr.cli.printing import answer, answer_json, tell
from realesr.cli.watch import check_watchable, watch
from realesr.cli.wording import print_notice, with_flags
from realesr.errors import InvalidOptionError
from realesr.loading.build import describe, model_of
from realesr.media.formats import STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.options import (
    FileOptions,
    PieceOptions,
    UpscaleOptions,
    WorkerOptions,
)
from realesr.plan import Plan, make_plan
from realesr.progress import Failed, Reporter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from realesr.cli.reporter import TqdmReporter
    from realesr.pipeline.units import MediaIO


def run(
    args: argparse.Namespace,
    files: FileOptions,
    media_type: AnyMediaType,
    make_medium: Callable[[], MediaIO],
    pieces: PieceOptions | None = None,
    *,
    is_split: bool = False,
) -> int:
    """Runs a command; returns the exit code.

    Args:
        args: Parsed command line.
        files: Inputs and outputs.
        media_type: Images or videos.
        make_medium: Makes the object that reads and writes files. It is called after all cheap
            checks, because its imports are slow.
        pieces: How long videos are cut; None for images.
        is_split: Whether videos whose size changes become several.

    Raises:
        RealesrError: The run could not start.
    """
    options, workers = upscale_options(args), worker_options(args)
    cluster = cluster_options(args)
    _check_workers(workers, options, files, has_cluster=cluster is not None)
    if files.watch:
        check_watchable(files)
    plan = make_plan(files, media_type)
    of_faces = None if options.faces is None else options.faces.report
    sides = {"`report`": of_faces, "--metrics-file": args.metrics_file}
    refuse_beside(sides, plan, options.model_path)
    if not args.quiet:
        _report_skipped(plan, media_type)
        left_out = () if files.watch else plan.notices  # a watch tells them itself
        for notice in (*left_out, *ineffective(args, options, files, plan)):
            print_notice(notice)
    if args.dry_run:
        for job in plan.jobs:
            answer(f"{job.source} -> {job.destination}")
        for refusal in plan.refused:
            tell(f"error: {with_flags(refusal.error)}")
        return 1 if plan.refused else 0
    is_part = cluster is not None or files.shard is not None
    end = _End(args, files, media_type, is_part=is_part)
    if not plan.jobs and not files.watch:
        if plan.refused:  # no model is needed to tell why
            terminal, reporter = _reporters(args, files, media_type, _no_model)
            with closing(terminal):
                _refuse(plan, reporter)
        end(plan, done=0)
        return 1 if plan.refused else 0
    # The cheap checks are done. The following imports are slow.
    from realesr.pipeline.executors.base import of_jobs
    from realesr.pipeline.units import split, units_of

    medium = make_medium()
    plans = watch(files, media_type, notify=print_notice) if files.watch else (plan,)
    if files.watch and not args.quiet:
        tell("watching; Ctrl-C ends it")
    loader = Loader(args, options)
    load_upscaler = cache(loader.load)
    terminal, reporter = _reporters(
        args,
        files,
        media_type,
        (lambda: describe(options, load_upscaler()))
        if cluster is None
        else (lambda: {**_no_model(), "model": model_of(options)}),
    )
    if files.watch and cluster is None:
        load_upscaler()  # reports errors now, not when the first file arrives
    with ExitStack() as stack:
        made = (
            local_executor(loader, load_upscaler, workers, pieces)
            if cluster is None
            else cluster_executor(loader, load_upscaler, cluster, pieces)
        )
        executor = stack.enter_context(made)
        has_failed = False
        for part in plans:
            with closing(terminal):
                _refuse(part, reporter)
                units = units_of(part, options, medium, preview=pieces.preview if pieces else None)
                if is_split:
                    units = tuple(split(units, skip_existing=files.skip_existing))
                report = executor.run(units, of_jobs(reporter))
            has_failed |= bool(report.failed or part.refused)
            end(part, report.done, [unit.job.source for unit in report.failed])
    return 1 if has_failed else 0


class _End:
    """Tells how a run has ended; a part of a larger one always, and also as JSON.

    Args:
        args: Parsed command line.
        files: Inputs and outputs.
        media_type: Images or videos.
        is_part: Whether others do the rest, or the work is done elsewhere.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        files: FileOptions,
        media_type: AnyMediaType,
        *,
        is_part: bool,
    ) -> None:
        self._args = args
        self._files = files
        self._noun = media_type.noun
        self._is_part = is_part
        self._started = time.monotonic()

    def __call__(self, plan: Plan, done: int, failed: Sequence[Path] = ()) -> None:
        """Tells the numbers of a plan's files, and which have failed."""
        names = [*map(str, failed), *(str(refusal.source) for refusal in plan.refused)]
        if names or (self._is_part and not self._args.quiet):
            count = len(names)
            tell(f"{count} of {count + done} {self._noun}s failed, {done} done")
        if self._is_part and self._args.json:
            shard = self._files.shard
            summary = {
                "event": "summary",
                "shard": None if shard is None else list(shard),
                "done": done,
                "failed": names,
                "existing": len(plan.existing),
                "seconds": round(time.monotonic() - self._started, 3),
            }
            answer_json(summary, sys.stdout)


def _no_model() -> dict[str, str | None]:
    return dict.fromkeys(("model", "device", "precision"))


def _reporters(
    args: argparse.Namespace,
    files: FileOptions,
    media_type: AnyMediaType,
    constants: Callable[[], Mapping[str, str | None]],
) -> tuple[TqdmReporter, Reporter]:
    """Returns the reporter of the terminal, and one for all that receive events."""
    from realesr.cli.metrics_file import MetricsReporter
    from realesr.cli.reporter import JsonReporter, TqdmReporter, report_to

    terminal = TqdmReporter(is_quiet=args.quiet, is_verbose=args.verbose > 0)
    reporter: Reporter = terminal
    if args.json:
        stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
        lines = JsonReporter(constants, stream, has_frames=media_type is VIDEOS)
        reporter = report_to(reporter, lines)
    if args.metrics_file is not None:
        reporter = report_to(reporter, MetricsReporter(args.metrics_file))
    return terminal, reporter


def _refuse(plan: Plan, reporter: Reporter) -> None:
    for refusal in plan.refused:
        reporter(Failed(refusal.source, refusal.error))


def _check_workers(
    workers: WorkerOptions, options: UpscaleOptions, files: FileOptions, *, has_cluster: bool
) -> None:
    """Refuses what several processes cannot do.

    Raises:
        InvalidOptionError: A stream or a report can be written by one process alone.
    """
    if workers.count == 1 and not has_cluster:
        return
    name = "cluster" if has_cluster else "workers"
    if STANDARD_STREAM in (files.output, *files.inputs):
        raise InvalidOptionError(f"`{name}`: standard input and output belong to one process")
    if options.faces is not None and options.faces.report is not None:
        raise InvalidOptionError(f"`{name}`: one process alone can write a `report`")


def _report_skipped(plan: Plan, media_type: AnyMediaType) -> None:
    if plan.existing:
        tell(f"left alone, outputs exist: {len(plan.existing)}")
    if plan.skipped:
        names = ", ".join(path.name for path in islice(plan.skipped, 3))
        more = ", ..." if len(plan.skipped) > 3 else ""
        tell(f"left out, no {media_type.noun}s: {len(plan.skipped)} ({names}{more})")
