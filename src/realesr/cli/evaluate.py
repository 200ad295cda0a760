"""``realesr evaluate``: measures models on sets of pictures."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from realesr import __version__
from realesr.cli.printing import answer_text, tell
from realesr.cli.wording import print_notice, with_flags
from realesr.errors import InvalidOptionError, RealesrError
from realesr.evaluation.options import (
    DEFAULT_METRICS,
    DEGRADATIONS,
    METRICS,
    EvaluationOptions,
    border_of,
)
from realesr.options import PRECISIONS
from realesr.outputs import check_writable

EXAMPLES = """\
examples:
  realesr evaluate --sets Set5 Set14 --models bicubic realesr-photo-x4 -o result
  realesr evaluate --clips small_out.mp4 other_out.mp4 --original clip.mp4 -o result
  realesr evaluate --sets Set5 --models new.safetensors bicubic+new.safetensors -o result \
--degradations bicubic light medium heavy --metrics psnr ssim niqe shift
"""
_OF_CLIPS = ("output", "scale", "crop")
"""Options of an evaluation that clips have, too."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "evaluate",
        help="measure models on sets of pictures",
        description="Makes inputs of clean pictures, upscales them with each model in a process of "
        "its own, and writes means with 95 % intervals, a table of all pictures, seconds and "
        "memory (report.md, means.csv, pictures.csv, report.json), the results, and a sheet of the "
        "places where models differ most. The same command goes on where it was interrupted.",
        epilog=EXAMPLES,
    )
    group = parser.add_argument_group("what is measured")
    group.add_argument(
        "--sets",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="folders or tar files of clean pictures, or folders with HR and LRbicx4",
    )
    group.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="names, plain filters, files, and blends such as A+B or 0.7*A+0.3*B",
    )
    group.add_argument(
        "--degradations",
        nargs="+",
        choices=DEGRADATIONS,
        metavar="NAME",
        help=f"how inputs are made: {', '.join(DEGRADATIONS)} (default: bicubic)",
    )
    group.add_argument(
        "--metrics",
        nargs="+",
        choices=METRICS,
        metavar="NAME",
        help=f"{', '.join(METRICS)} (default: {' '.join(DEFAULT_METRICS)})",
    )
    group.add_argument("--limit", type=int, metavar="N", help="only the first pictures of each set")
    group.add_argument("--scale", type=int, metavar="N", help="(default: 4)")
    group.add_argument(
        "--crop", type=int, metavar="PX", help="border that metrics leave out (default: the scale)"
    )
    group.add_argument(
        "--clips",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="videos to measure instead of sets; with --crop and --scale alone",
    )
    group.add_argument(
        "--original", type=Path, metavar="FILE", help="what the clips should look like"
    )
    group.add_argument("--seed", type=int, metavar="N", help="of the noise (default: 0)")
    group = parser.add_argument_group("results")
    group.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the results"
    )
    group.add_argument("--sheet", type=int, metavar="N", help="rows of the sheet (default: 6)")
    group.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    group = parser.add_argument_group("means")
    group.add_argument(
        "--weights",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="where the weights of metrics lie (SqueezeNet, NIQE)",
    )
    group.add_argument("--device", metavar="NAME", help="(default: auto)")
    group.add_argument("--precision", choices=PRECISIONS, help="(default: auto)")
    group.add_argument("--threads", type=int, metavar="N", help="CPU threads of models")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measures; returns the exit code.

    Raises:
        RealesrError: The evaluation cannot start or continue.
    """
    if args.original is not None and args.clips is None:
        raise InvalidOptionError("--original is what --clips are measured against: name them")
    names = {field.name for field in fields(EvaluationOptions)}
    given = {k: value for k, value in vars(args).items() if k in names and value is not None}
    if args.clips is not None:
        for name in given:
            if name not in _OF_CLIPS:
                raise InvalidOptionError(
                    f"--{name} says nothing of --clips, which are ready results: drop one"
                )
        return _measure_clips(args, border_of(args.scale, args.crop))
    options = EvaluationOptions(**{"sets": (), "models": (), **given})
    from tqdm import tqdm

    from realesr.cli.reporter import download_bar
    from realesr.evaluation.evaluate import evaluate
    from realesr.evaluation.models import find_models
    from realesr.evaluation.report import write_reports
    from realesr.evaluation.sheet import draw_places, find_places
    from realesr.imaging.sheets import save_sheet

    models = find_models(options, downloading=download_bar, notify=print_notice)
    disable = True if args.quiet else None
    with tqdm(unit="picture", file=sys.stderr, disable=disable, dynamic_ncols=True) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = evaluate(options, models, notify=print_notice, on_progress=report)
    path = write_reports(found, __version__)
    places = find_places(found, options.sheet)
    if places:
        save_sheet(draw_places(found, places), options.output / "sheet.png")
    if not args.quiet:
        answer_text(path.read_text(encoding="utf-8").rstrip("\n"))
    for record in found.failed[:20]:
        tell(f"error: {'/'.join(record.key)}: {with_flags(record.error)}")
    return 1 if found.failed else 0


def _measure_clips(args: argparse.Namespace, crop: int) -> int:
    """Measures the clips that can be measured; returns the exit code.

    Raises:
        RealesrError: None can, or the output cannot be written.
    """
    if args.original is None:
        raise InvalidOptionError("--clips are measured against their --original: name it")
    from realesr.evaluation.clips import REPORT, measure_clip, write_clip_report

    check_writable(args.output / REPORT)
    found: list[tuple[Path, dict[str, float]]] = []
    failed: list[RealesrError] = []
    for clip in args.clips:
        try:
            values = measure_clip(clip, args.original, crop=crop, notify=print_notice)
        except RealesrError as error:
            failed.append(error)
        else:
            found.append((clip, values))
    if not found:
        raise failed[0]
    text = write_clip_report(found, args.output)
    if not args.quiet:
        answer_text(text.rstrip("\n"))
    for each in failed:
        tell(f"error: {with_flags(each)}")
    return 1 if failed else 0
