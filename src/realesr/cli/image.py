"""``realesr image``: makes pictures larger."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from realesr.cli.arguments import (
    add_device_options,
    add_encoding_options,
    add_file_options,
    add_model_options,
    add_size_options,
    upscale_options,
)
from realesr.cli.watch import check_watchable, watch
from realesr.loading import describe, make_enlarger, obtain_files
from realesr.media.formats import STANDARD_STREAM
from realesr.options import EncodingOptions, FileOptions, UpscaleOptions
from realesr.plan import Plan, make_plan


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "image",
        help="make pictures larger",
        description="Makes pictures larger and sharper.",
    )
    add_file_options(parser)
    add_size_options(parser)
    add_model_options(parser)
    add_encoding_options(parser)
    add_device_options(parser)
    words = parser.add_argument_group("words")
    words.add_argument(
        "--json", action="store_true", help="a line of JSON for each file on standard output"
    )
    words.add_argument("-q", "--quiet", action="store_true", help="tell errors only")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carries out the command; returns the exit code.

    Raises:
        RealesrError: Nothing could be started.
    """
    options = upscale_options(args)
    files = FileOptions(
        inputs=tuple(args.input),
        output=args.output,
        recursive=args.recursive,
        skip_existing=args.skip_existing,
        watch=args.watch,
        suffix=args.suffix,
        ext=args.ext,
        encoding=EncodingOptions(quality=args.quality, lossless=args.lossless),
        max_pixels=args.max_pixels,
    )
    if files.watch:
        check_watchable(files)
    plan = make_plan(files)
    _tell_what_is_left_out(plan)
    if args.dry_run:
        for job in plan.jobs:
            print(f"{job.source} -> {job.destination}")
        return 0
    if not plan.jobs and not files.watch:
        return 0
    return _enlarge(plan, files, options, is_quiet=args.quiet, is_json=args.json)


def _enlarge(
    plan: Plan, files: FileOptions, options: UpscaleOptions, *, is_quiet: bool, is_json: bool
) -> int:
    """The cheap things have been checked; what follows takes longer and longer to import."""
    from realesr.cli.reporter import JsonReporter, TqdmReporter, download_bar

    files_of_network = obtain_files(options, downloading=download_bar, notify=_tell)

    from realesr import pipeline
    from realesr.media.images import Pictures

    medium = Pictures(encoding=files.encoding, max_pixels=files.max_pixels)
    enlarger = make_enlarger(options, files_of_network)
    people = TqdmReporter(is_quiet=is_quiet)
    stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
    reporter = JsonReporter(people, describe(options, enlarger), stream) if is_json else people
    if files.watch and not is_quiet:
        print("watching; Ctrl-C ends it", file=sys.stderr)
    has_failed = False
    for part in watch(files, notify=_tell) if files.watch else (plan,):
        with closing(people):
            report = pipeline.run(part, enlarger, medium, target=options.target, reporter=reporter)
        if report.failed:
            has_failed = True
            print(
                f"{len(report.failed)} of {len(part.jobs)} pictures failed, "
                f"{len(report.done)} done",
                file=sys.stderr,
            )
    return 1 if has_failed else 0


def _tell(notice: str) -> None:
    print(f"note: {notice}", file=sys.stderr)


def _tell_what_is_left_out(plan: Plan) -> None:
    if plan.existing:
        print(f"left alone, outputs exist: {len(plan.existing)}", file=sys.stderr)
    if plan.skipped:
        names = ", ".join(path.name for path in plan.skipped[:3])
        more = ", ..." if len(plan.skipped) > 3 else ""
        print(f"left out, no pictures: {len(plan.skipped)} ({names}{more})", file=sys.stderr)
