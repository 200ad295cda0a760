"""What ``realesr image`` and ``realesr video`` have in common: from arguments to a finished run."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.cli.options.effects import ineffective
from realesr.cli.options.model import upscale_options
from realesr.cli.process import keep_memory
from realesr.cli.watch import check_watchable, watch
from realesr.cli.wording import with_flags
from realesr.errors import InvalidOptionError
from realesr.loading.build import describe, make_upscaler
from realesr.loading.resolve import ensure_face_files, ensure_files
from realesr.media.formats import STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.options import FileOptions, UpscaleOptions
from realesr.plan import Plan, make_plan
from realesr.progress import Notice, Reporter

if TYPE_CHECKING:
    from realesr.imaging.upscaler import ImageUpscaler
    from realesr.pipeline.runner import MediaIO


def run(
    args: argparse.Namespace,
    files: FileOptions,
    kind: AnyMediaType,
    make_medium: Callable[[], MediaIO],
) -> int:
    """Carries out a command; returns the exit code.

    Args:
        args: The command line.
        files: What is read and where it goes.
        kind: Whether images or videos are meant.
        make_medium: Imports what reads and writes them, which takes longer than a mistake should.

    Raises:
        RealesrError: Nothing could be started.
    """
    options = upscale_options(args)
    if files.watch:
        check_watchable(files)
    plan = make_plan(files, kind)
    if options.faces is not None and options.faces.report is not None:
        check_report(options.faces.report, plan)
    if not args.quiet:
        _report_skipped(plan, kind)
        for notice in ineffective(args, options, files, plan):
            print_notice(notice)
    if args.dry_run:
        for job in plan.jobs:
            print(f"{job.source} -> {job.destination}")
        return 0
    if not plan.jobs and not files.watch:
        return 0
    # The cheap things have been checked; what follows takes longer and longer to import.
    from realesr.cli.reporter import JsonReporter, TqdmReporter, report_to
    from realesr.pipeline import runner

    medium = make_medium()
    plans = watch(files, kind, notify=print_notice) if files.watch else (plan,)
    if files.watch and not args.quiet:
        print("watching; Ctrl-C ends it", file=sys.stderr)
    terminal = TqdmReporter(is_quiet=args.quiet, is_verbose=args.verbose > 0)
    load_upscaler = cache(_loader(args, options))
    reporter: Reporter = terminal
    if args.json:
        stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
        lines = JsonReporter(
            lambda: describe(options, load_upscaler()), stream, has_frames=kind is VIDEOS
        )
        reporter = report_to(terminal, lines)
    if files.watch:
        load_upscaler()  # what is wrong with it is said now, and not when the first file comes
    has_failed = False
    for part in plans:
        with closing(terminal):
            report = runner.run(
                part, load_upscaler, medium, target=options.target, reporter=reporter
            )
        if report.failed:
            has_failed = True
            print(
                f"{len(report.failed)} of {len(part.jobs)} {kind.noun}s failed, "
                f"{len(report.done)} done",
                file=sys.stderr,
            )
    return 1 if has_failed else 0


def _loader(args: argparse.Namespace, options: UpscaleOptions) -> Callable[[], ImageUpscaler]:
    """Finds or downloads the weights, and returns what loads them.

    Raises:
        RealesrError: The weights cannot be had.
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
            print(_described(options, upscaler, seconds), file=sys.stderr)
        return upscaler

    return load


def _described(options: UpscaleOptions, upscaler: ImageUpscaler, seconds: float) -> str:
    """Returns model, device, precision and tiles in one line."""
    model = options.model_name if options.model_path is None else str(options.model_path)
    description = upscaler.description
    if description.device is None:
        return f"model {model}, a plain filter"
    tiles = {None: "as memory allows", 0: "none"}.get(description.tile, f"{description.tile} px")
    return (
        f"model {model} (x{upscaler.scale}), device {description.device}, precision "
        f"{description.precision} ({description.engine}), tiles {tiles}; loaded in {seconds:.1f} s"
    )


def check_report(report: Path, plan: Plan) -> None:
    """Makes sure that a report takes no file's place.

    Raises:
        InvalidOptionError: It is an input or an output.
    """
    taken = {path.resolve() for job in plan.jobs for path in (job.source, job.destination)}
    if report.resolve() in taken or report.is_dir():
        raise InvalidOptionError(f"`report` {report}: is an input, an output or a folder")


def print_notice(notice: Notice) -> None:
    """Prints a notice that is about no file."""
    print(f"note: {with_flags(notice)}", file=sys.stderr)


def _report_skipped(plan: Plan, kind: AnyMediaType) -> None:
    if plan.existing:
        print(f"left alone, outputs exist: {len(plan.existing)}", file=sys.stderr)
    if plan.skipped:
        names = ", ".join(path.name for path in plan.skipped[:3])
        more = ", ..." if len(plan.skipped) > 3 else ""
        print(f"left out, no {kind.noun}s: {len(plan.skipped)} ({names}{more})", file=sys.stderr)
