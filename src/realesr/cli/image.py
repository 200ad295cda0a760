"""``realesr image``: makes pictures larger."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from realesr.geometry import Size
from realesr.loading import describe, make_enlarger, obtain_files
from realesr.media.formats import IMAGE_SUFFIXES, STANDARD_STREAM
from realesr.options import (
    ALPHA_UPSAMPLERS,
    DEFAULT_MAX_PIXELS,
    DEFAULT_MODEL,
    PRECISIONS,
    EncodingOptions,
    FileOptions,
    Target,
    UpscaleOptions,
)
from realesr.plan import Plan, make_plan


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "image",
        help="make pictures larger",
        description="Makes a picture, or every picture of a folder, larger and sharper.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "-i",
        "--input",
        type=Path,
        nargs="+",
        default=[Path("inputs")],
        help="pictures, folders of them, patterns such as 'scans/*.png', or - for standard input",
    )
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="search folders to the bottom, and mirror them",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("results"),
        help="a folder; for a single picture also a file name such as out.png, or - for standard "
        "output",
    )
    parser.add_argument(
        "-n",
        "--model-name",
        default=DEFAULT_MODEL,
        help="a name of `realesr models list`, or nearest, bilinear, bicubic, lanczos",
    )
    parser.add_argument(
        "--model-path", type=Path, help="a file of weights, .safetensors or .pth, instead of -n"
    )
    parser.add_argument(
        "-dn",
        "--denoise-strength",
        type=float,
        help="0 keeps noise, 1 takes it away; for realesr-general-x4v3 (default: 0.5 there)",
    )
    parser.add_argument(
        "-s", "--outscale", type=float, help="how many times larger; the model's own scale if unset"
    )
    parser.add_argument(
        "--skip-existing", action="store_true", help="leave alone what has an output already"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would become what, and do nothing"
    )
    parser.add_argument(
        "--json", action="store_true", help="a line of JSON for each file on standard output"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="tell errors only")
    parser.add_argument("--width", type=int, help="width in pixels, instead of -s")
    parser.add_argument("--height", type=int, help="height in pixels, instead of -s")
    parser.add_argument(
        "--fit", type=_size, metavar="WxH", help="the largest that fits, such as 3840x2160"
    )
    parser.add_argument(
        "--suffix", default="out", help="appended to each name: in.png -> in_out.png; '' keeps it"
    )
    parser.add_argument(
        "--ext",
        default="auto",
        choices=("auto", *(suffix[1:] for suffix in IMAGE_SUFFIXES)),
        help="format of the outputs; auto keeps each input's",
    )
    parser.add_argument(
        "--quality", type=int, help="1 to 100, for jpg, webp and avif (default: 95, avif: 90)"
    )
    parser.add_argument(
        "--lossless", action="store_true", help="keep the pixels exactly, in webp and avif, too"
    )
    parser.add_argument(
        "--alpha-upsampler",
        choices=ALPHA_UPSAMPLERS,
        default="realesrgan",
        help="what enlarges transparency: the network, or a plain filter in half of the time",
    )
    parser.add_argument(
        "-t",
        "--tile",
        type=_tile,
        default="auto",
        help="side of a tile in pixels: less needs less memory; 0 takes the picture whole, auto "
        "what the free memory allows",
    )
    parser.add_argument(
        "--tile-pad",
        type=int,
        help="context around a tile in pixels (default: what the model sees)",
    )
    parser.add_argument(
        "--pre-pad", type=int, default=0, help="mirrored pixels added right and below, and cut off"
    )
    devices = parser.add_mutually_exclusive_group()
    devices.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    devices.add_argument("-g", "--gpu-id", type=int, metavar="N", help="as --device cuda:N")
    precision = parser.add_mutually_exclusive_group()
    precision.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="what the network computes in: auto is fp16 on CUDA and fp32 elsewhere",
    )
    precision.add_argument(
        "--fp32", action="store_const", const="fp32", dest="precision", help="as --precision fp32"
    )
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=DEFAULT_MAX_PIXELS,
        help="larger inputs are refused: a small file can claim to be a huge picture",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carries out the command; returns the exit code.

    Raises:
        RealesrError: Nothing could be started.
    """
    options = UpscaleOptions(
        model_name=args.model_name,
        model_path=args.model_path,
        target=Target(outscale=args.outscale, width=args.width, height=args.height, fit=args.fit),
        device=args.device if args.gpu_id is None else f"cuda:{args.gpu_id}",
        precision=args.precision,
        tile=args.tile,
        tile_pad=args.tile_pad,
        pre_pad=args.pre_pad,
        denoise_strength=args.denoise_strength,
        alpha_upsampler=args.alpha_upsampler,
    )
    files = FileOptions(
        inputs=tuple(args.input),
        output=args.output,
        recursive=args.recursive,
        skip_existing=args.skip_existing,
        suffix=args.suffix,
        ext=args.ext,
        encoding=EncodingOptions(quality=args.quality, lossless=args.lossless),
        max_pixels=args.max_pixels,
    )
    plan = make_plan(files)
    _tell_what_is_left_out(plan)
    if args.dry_run:
        for job in plan.jobs:
            print(f"{job.source} -> {job.destination}")
        return 0
    if not plan.jobs:
        return 0
    # The cheap things have been checked; what follows takes longer and longer to import.
    from realesr.cli.reporter import JsonReporter, TqdmReporter, download_bar

    files_of_network = obtain_files(options, downloading=download_bar, notify=_tell)

    from realesr import pipeline

    enlarger = make_enlarger(options, files_of_network)
    people = TqdmReporter(is_quiet=args.quiet)
    stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
    reporter = JsonReporter(people, describe(options, enlarger), stream) if args.json else people
    try:
        report = pipeline.run(
            plan,
            enlarger,
            target=options.target,
            encoding=files.encoding,
            max_pixels=files.max_pixels,
            reporter=reporter,
        )
    finally:
        people.close()
    if report.failed:
        print(
            f"{len(report.failed)} of {len(plan.jobs)} pictures failed, {len(report.done)} done",
            file=sys.stderr,
        )
    return 1 if report.failed else 0


def _tell(notice: str) -> None:
    print(f"note: {notice}", file=sys.stderr)


def _tell_what_is_left_out(plan: Plan) -> None:
    if plan.existing:
        print(f"left alone, outputs exist: {len(plan.existing)}", file=sys.stderr)
    if plan.skipped:
        names = ", ".join(path.name for path in plan.skipped[:3])
        more = ", ..." if len(plan.skipped) > 3 else ""
        print(f"left out, no pictures: {len(plan.skipped)} ({names}{more})", file=sys.stderr)


def _size(text: str) -> Size:
    width, height = map(int, text.lower().split("x"))
    return Size(width, height)


def _tile(text: str) -> int | None:
    return None if text == "auto" else int(text)
