"""``realesr prepare``: makes training sets of clean pictures."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from realesr.cli.printing import tell
from realesr.cli.wording import print_notice, with_flags
from realesr.errors import MediaError
from realesr.preparation.options import PrepareOptions
from realesr.progress import Notice, Progress

EXAMPLES = """\
examples:
  realesr prepare photos/ art.tar -o set --multiscale --sub-images 400
  realesr prepare photos/ -o set --lr 4 --split 0.9,0.05,0.05 --exclude Set14/ BSD100/
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "prepare",
        help="make training sets of clean pictures",
        description="Reads clean pictures from folders and tar files, leaves copies out, splits "
        "them by scene, and writes PNG files and a manifest. The same command goes on where it was "
        "interrupted.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "sources", type=Path, nargs="+", metavar="PATH", help="folders and uncompressed tar files"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the result"
    )
    parser.add_argument(
        "--exclude",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="leave out what resembles a picture of these, such as the sets to evaluate with",
    )
    default = PrepareOptions(sources=(), output=Path())
    parser.add_argument(
        "--multiscale",
        action="store_true",
        help="add copies of 3/4, 1/2 and 1/3 of the size, and of 400 px on the shorter side",
    )
    parser.add_argument(
        "--sub-images", type=int, metavar="PX", help="cut into squares (default: whole pictures)"
    )
    parser.add_argument(
        "--step",
        type=int,
        default=default.step,
        metavar="PX",
        help="distance of the squares (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold",
        type=int,
        default=default.threshold,
        metavar="PX",
        help="what may be left over at an edge without another square (default: %(default)s)",
    )
    parser.add_argument(
        "--lr",
        "--scales",
        type=int,
        nargs="+",
        default=[],
        metavar="SCALE",
        dest="scales",
        help="add low-resolution partners, by MATLAB's bicubic filter",
    )
    parser.add_argument(
        "--split",
        type=shares,
        default=default.split,
        metavar="A,B,C",
        help="shares for training, validation and test, by scene (default: 1,0,0)",
    )
    parser.add_argument(
        "--distance",
        type=int,
        default=default.distance,
        metavar="BITS",
        help="pictures whose 256-bit hashes differ in at most so many bits are copies "
        "(default: %(default)s)",
    )
    parser.add_argument("--keep-copies", action="store_true", help="keep copies, all in one split")
    parser.add_argument(
        "--min-side",
        type=int,
        default=default.min_side,
        metavar="PX",
        help="leave out pictures with a shorter side",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the split")
    parser.add_argument("--threads", type=int, metavar="N", help="(default: one per core)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Makes the set; returns the exit code.

    Raises:
        RealesrError: The run cannot start or continue.
    """
    options = PrepareOptions(
        sources=tuple(args.sources),
        exclude=tuple(args.exclude),
        output=args.output,
        is_multiscale=args.multiscale,
        sub_images=args.sub_images,
        step=args.step,
        threshold=args.threshold,
        scales=tuple(args.scales),
        split=args.split,
        distance=args.distance,
        keep_copies=args.keep_copies,
        min_side=args.min_side,
        seed=args.seed,
    )
    from tqdm import tqdm

    from realesr.preparation.prepare import prepare

    def notify(notice: Notice) -> None:
        if not args.quiet:
            with tqdm.external_write_mode(file=sys.stderr):
                print_notice(notice)

    def fail(error: MediaError) -> None:
        with tqdm.external_write_mode(file=sys.stderr):
            tell(f"realesr: error: {with_flags(error)}")

    with ExitStack() as stack:

        def on_progress(name: str) -> Progress:
            bar = tqdm(desc=name, unit="picture", file=sys.stderr, disable=args.quiet or None)
            stack.enter_context(closing(bar))

            def report(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            return report

        summary = prepare(
            options,
            notify=notify,
            on_failure=fail,
            on_progress=on_progress,
            threads=args.threads,
        )
    counts = ", ".join(f"{name} {count}" for name, count in summary.files.items())
    if not args.quiet:
        tell(f"{summary.pictures} pictures, {summary.left_out} left out; files: {counts or 'none'}")
    return int(summary.failed > 0)


def shares(text: str) -> tuple[float, float, float]:
    """Parses three shares, such as ``0.9,0.05,0.05``."""
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be three numbers, such as 0.9,0.05,0.05"
        ) from None
    return first, second, third
