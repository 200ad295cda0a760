"""``realesr image``: makes pictures larger."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.models.catalog import find_model, find_weights
from realesr.options import DEFAULT_MODEL, DEFAULT_TILE, OutputOptions, UpscaleOptions
from realesr.plan import make_plan

if TYPE_CHECKING:
    from realesr.engine.upscaler import Upscaler


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
        "-n", "--model-name", default=DEFAULT_MODEL, help="a name of `realesr models list`"
    )
    parser.add_argument(
        "--model-path", type=Path, help="a file of weights, .safetensors or .pth, instead of -n"
    )
    parser.add_argument(
        "-s", "--outscale", type=float, help="how many times larger; the model's own scale if unset"
    )
    parser.add_argument(
        "--suffix", default="out", help="appended to each name: in.png -> in_out.png; '' keeps it"
    )
    parser.add_argument(
        "-t",
        "--tile",
        type=int,
        default=DEFAULT_TILE,
        help="side of a tile in pixels: less needs less memory; 0 takes the picture whole",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--fp32", action="store_true", help="single precision where half would be the default"
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
        fp32=args.fp32,
        tile=args.tile,
    )
    plan = make_plan(OutputOptions(input=args.input, output=args.output, suffix=args.suffix))
    if plan.skipped:
        names = ", ".join(path.name for path in plan.skipped[:3])
        more = ", ..." if len(plan.skipped) > 3 else ""
        print(f"left out, no pictures: {len(plan.skipped)} ({names}{more})", file=sys.stderr)
    weights = options.model_path or find_weights(find_model(options.model_name))

    # Only now, when everything cheap has been checked: PyTorch takes seconds to import.
    from realesr import pipeline
    from realesr.cli.reporter import TqdmReporter

    upscaler = _make_upscaler(options, weights)
    reporter = TqdmReporter()
    try:
        report = pipeline.run(plan, upscaler, outscale=options.outscale, reporter=reporter)
    finally:
        reporter.close()
    if report.failed:
        print(
            f"{len(report.failed)} of {len(plan.jobs)} pictures failed, {len(report.done)} done",
            file=sys.stderr,
        )
    return 1 if report.failed else 0


def _make_upscaler(options: UpscaleOptions, weights: Path) -> Upscaler:
    from realesr.engine.device import resolve_device, resolve_dtype
    from realesr.engine.upscaler import Upscaler
    from realesr.models.loader import load_model

    device = resolve_device(options.device)
    return Upscaler(
        load_model(weights),
        device=device,
        dtype=resolve_dtype(device, fp32=options.fp32),
        tile=options.tile,
    )
