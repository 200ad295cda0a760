"""The common part of ``realesr image`` and ``realesr video``: runs jobs from arguments."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.cli.options.effects import ineffective
from realesr.cli.options.model import upscale_options
from realesr.cli.printing import answer, tell
from realesr.cli.process import keep_memory
from realesr.cli.watch import check_watchable, watch
from realesr.cli.wording import print_notice, with_flags
from realesr.errors import InvalidOptionError
from realesr.loading.build import describe, make_upscaler
from realesr.loading.resolve import ensure_face_files, ensure_files
from realesr.media.formats import STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.options import FileOptions, UpscaleOptions
from realesr.plan import Plan, make_plan
from realesr.progress import Failed, Reporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realesr.cli.reporter import TqdmReporter
    from realesr.imaging.upscaler import ImageUpscaler
    from realesr.pipeline.units import MediaIO


def run(
    args: argparse.Namespace,
    files: FileOptions,
    media_type: AnyMediaType,
    make_medium: Callable[[], MediaIO],
) -> int:
    """Runs a command; returns the exit code.

    Args:
        args: Parsed command line.
        files: Inputs and outputs.
        media_type: Images or videos.
        make_medium: Makes the object that reads and writes files. It is called after all cheap
            checks, because its imports are slow.

    Raises:
        RealesrError: The run could not start.
    """
    options = upscale_options(args)
    if files.watch:
        check_watchable(files)
    plan = make_plan(files, media_type)
    if options.faces is not None and options.faces.report is not None:
        check_report(options.faces.report, plan)
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
    if not plan.jobs and not files.watch:
        if plan.refused:  # no model is needed to tell why
            terminal, reporter = _reporters(args, files, media_type, _no_model)
            with closing(terminal):
                _refuse(plan, reporter)
            _summarize(media_type, failed=len(plan.refused), done=0)
        return 1 if plan.refused else 0
    # The cheap checks are done. The following imports are slow.
    from realesr.pipeline.executors.local import LocalExecutor
    from realesr.pipeline.units import units_of

    medium = make_medium()
    plans = watch(files, media_type, notify=print_notice) if files.watch else (plan,)
    if files.watch and not args.quiet:
        tell("watching; Ctrl-C ends it")
    load_upscaler = cache(_loader(args, options))
    terminal, reporter = _reporters(
        args, files, media_type, lambda: describe(options, load_upscaler())
    )
    if files.watch:
        load_upscaler()  # reports errors now, not when the first file arrives
    executor = LocalExecutor(lambda options: load_upscaler())
    has_failed = False
    for part in plans:
        with closing(terminal):
            _refuse(part, reporter)
            report = executor.run(tuple(units_of(part, options, medium)), reporter)
        failed = len(report.failed) + len(part.refused)
        if failed:
            has_failed = True
            _summarize(media_type, failed=failed, done=len(report.done))
    return 1 if has_failed else 0


def _no_model() -> dict[str, str | None]:
    return dict.fromkeys(("model", "device", "precision"))


def _reporters(
    args: argparse.Namespace,
    files: FileOptions,
    media_type: AnyMediaType,
    constants: Callable[[], Mapping[str, str | None]],
) -> tuple[TqdmReporter, Reporter]:
    """Returns the reporter of the terminal, and one for all that receive events."""
    from realesr.cli.reporter import JsonReporter, TqdmReporter, report_to

    terminal = TqdmReporter(is_quiet=args.quiet, is_verbose=args.verbose > 0)
    if not args.json:
        return terminal, terminal
    stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
    lines = JsonReporter(constants, stream, has_frames=media_type is VIDEOS)
    return terminal, report_to(terminal, lines)


def _refuse(plan: Plan, reporter: Reporter) -> None:
    for refusal in plan.refused:
        reporter(Failed(refusal.source, refusal.error))


def _summarize(media_type: AnyMediaType, *, failed: int, done: int) -> None:
    tell(f"{failed} of {failed + done} {media_type.noun}s failed, {done} done")


def _loader(args: argparse.Namespace, options: UpscaleOptions) -> Callable[[], ImageUpscaler]:
    """Finds or downloads the weights, and returns a function that loads them.

    Raises:
        RealesrError: The weights are not available.
    """
    from realesr.cli.reporter import download_bar

    network = ensure_files(options, downloading=download_bar, notify=print_notice)
    faces = ensure_face_files(options, downloading=download_bar, notify=print_notice)

    def load() -> ImageUpscaler:
        started = time.perf_counter()
        keep_memory()
        upscaler = make_upscaler(options, network, faces, notify=print_notice)
        if args.verbose and not args.quiet:
            seconds = time.perf_counter() - started
            tell(_described(options, upscaler, seconds))
        return upscaler

    return load


def _described(options: UpscaleOptions, upscaler: ImageUpscaler, seconds: float) -> str:
    """Returns a line about model, device, precision, tiles and the loading time."""
    model = describe(options, upscaler)["model"]
    description = upscaler.description
    if description.device is None:
        return f"model {model}, a plain filter"
    tiles = {None: "as memory allows", 0: "none"}.get(description.tile, f"{description.tile} px")
    return (
        f"model {model} (x{upscaler.scale}), device {description.device}, precision "
        f"{description.precision} ({description.engine}), tiles {tiles}; loaded in {seconds:.1f} s"
    )


def check_report(report: Path, plan: Plan) -> None:
    """Checks that a report would not overwrite a file of the run.

    Raises:
        InvalidOptionError: The report is an input, an output or a folder.
    """
    paths = (path for job in plan.jobs for path in (job.source, job.destination))
    is_taken = os.path.realpath(report) in map(os.path.realpath, paths)
    if is_taken or os.path.isdir(report):  # noqa: PTH112 -- never raises
        raise InvalidOptionError(f"`report` {report}: is an input, an output or a folder")


def _report_skipped(plan: Plan, media_type: AnyMediaType) -> None:
    if plan.existing:
        tell(f"left alone, outputs exist: {len(plan.existing)}")
    if plan.skipped:
        names = ", ".join(path.name for path in plan.skipped[:3])
        more = ", ..." if len(plan.skipped) > 3 else ""
        tell(f"left out, no {media_type.noun}s: {len(plan.skipped)} ({names}{more})")
