"""``realesr image``: makes pictures larger."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from realesr.cli.enlarger import make_enlarger, obtain_files
from realesr.media.formats import IMAGE_SUFFIXES
from realesr.options import (
    ALPHA_UPSAMPLERS,
    DEFAULT_MAX_PIXELS,
    DEFAULT_MODEL,
    PRECISIONS,
    EncodingOptions,
    FileOptions,
    UpscaleOptions,
)
from realesr.plan import make_plan


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "image",
        help="make pictures larger",
        description="Makes a picture, or every picture of a folder, larger and sharper.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "-i", "--input", type=Path, default=Path("inputs"), help="a picture, or a folder of them"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("results"),
        help="a folder; for a single picture also a file name such as out.png",
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
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
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
        outscale=args.outscale,
        device=args.device,
        precision=args.precision,
        tile=args.tile,
        denoise_strength=args.denoise_strength,
        alpha_upsampler=args.alpha_upsampler,
    )
    files = FileOptions(
        input=args.input,
        output=args.output,
        suffix=args.suffix,
        ext=args.ext,
        encoding=EncodingOptions(quality=args.quality, lossless=args.lossless),
        max_pixels=args.max_pixels,
    )
    plan = make_plan(files)
    if plan.skipped:
        names = ", ".join(path.name for path in plan.skipped[:3])
        more = ", ..." if len(plan.skipped) > 3 else ""
        print(f"left out, no pictures: {len(plan.skipped)} ({names}{more})", file=sys.stderr)
    network_files = obtain_files(options)

    # Only now, when everything cheap has been checked: PyTorch takes seconds to import.
    from realesr import pipeline
    from realesr.cli.reporter import TqdmReporter

    enlarger = make_enlarger(options, network_files)
    reporter = TqdmReporter()
    try:
        report = pipeline.run(
            plan,
            enlarger,
            outscale=options.outscale,
            encoding=files.encoding,
            max_pixels=files.max_pixels,
            reporter=reporter,
        )
    finally:
        reporter.close()
    if report.failed:
        print(
            f"{len(report.failed)} of {len(plan.jobs)} pictures failed, {len(report.done)} done",
            file=sys.stderr,
        )
    return 1 if report.failed else 0


def _tile(text: str) -> int | None:
    return None if text == "auto" else int(text)
