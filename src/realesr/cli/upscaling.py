"""What ``realesr image`` and ``realesr video`` have in common: from arguments to a finished run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.cli.options.model import upscale_options
from realesr.cli.watch import check_watchable, watch
from realesr.errors import InvalidOptionError
from realesr.loading.build import describe, make_upscaler
from realesr.loading.resolve import ensure_face_files, ensure_files
from realesr.media.formats import STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.options import FileOptions
from realesr.plan import Plan, make_plan
from realesr.progress import Reporter

if TYPE_CHECKING:
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
    _report_skipped(plan, kind)
    if args.dry_run:
        for job in plan.jobs:
            print(f"{job.source} -> {job.destination}")
        return 0
    if not plan.jobs and not files.watch:
        return 0
    # The cheap things have been checked; what follows takes longer and longer to import.
    medium = make_medium()
    plans = watch(files, kind, notify=tell) if files.watch else (plan,)
    if files.watch and not args.quiet:
        print("watching; Ctrl-C ends it", file=sys.stderr)
    from realesr.cli.reporter import JsonReporter, TqdmReporter, download_bar

    files_of_network = ensure_files(options, downloading=download_bar, notify=tell)
    files_of_faces = ensure_face_files(options, downloading=download_bar, notify=tell)

    from realesr.pipeline import runner

    load_upscaler = cache(
        partial(make_upscaler, options, files_of_network, files_of_faces, notify=tell)
    )
    people = TqdmReporter(is_quiet=args.quiet)
    reporter: Reporter = people
    if args.json:
        stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
        reporter = JsonReporter(
            people,
            lambda: describe(options, load_upscaler()),
            stream,
            has_frames=kind is VIDEOS,
        )
    if files.watch:
        load_upscaler()  # what is wrong with it is said now, and not when the first file comes
    has_failed = False
    for part in plans:
        with closing(people):
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


def check_report(report: Path, plan: Plan) -> None:
    """Makes sure that a report takes no file's place.

    Raises:
        InvalidOptionError: It is an input or an output.
    """
    taken = {path.resolve() for job in plan.jobs for path in (job.source, job.destination)}
    if report.resolve() in taken or report.is_dir():
        raise InvalidOptionError(f"--face-report {report}: is an input, an output or a folder")


def tell(notice: str) -> None:
    """Prints what a person should know of."""
    print(f"note: {notice}", file=sys.stderr)


def _report_skipped(plan: Plan, kind: AnyMediaType) -> None:
    if plan.existing:
        print(f"left alone, outputs exist: {len(plan.existing)}", file=sys.stderr)
    if plan.skipped:
        names = ", ".join(path.name for path in plan.skipped[:3])
        more = ", ..." if len(plan.skipped) > 3 else ""
        print(f"left out, no {kind.noun}s: {len(plan.skipped)} ({names}{more})", file=sys.stderr)
