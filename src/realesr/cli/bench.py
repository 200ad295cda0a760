"""``realesr bench``: measures the speed of models and precisions on this machine."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from realesr.cli.options.model import add_device_options, device_names
from realesr.cli.options.parsers import size
from realesr.cli.printing import answer, answer_json
from realesr.cli.process import keep_memory
from realesr.errors import DeviceError
from realesr.geometry import Size
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.options import UpscaleOptions
from realesr.weights.catalog import MODELS, find_local_weights, is_plain

ROUNDS = 3
SIZE = Size(320, 240)
FRAME = Size(640, 360)
"""Size of the video frames for the column ``fps``, px."""
COLUMNS = ("model", "precision", "tile", "s/MP", "fps")


EXAMPLES = """\
examples:
  realesr bench
  realesr bench -n realesr-photo-x4 --precision fp32 --size 640x480
  realesr bench --model-path my-network.pth --json
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "bench",
        help="how fast this machine is",
        description="Runs the models that are here, in every precision that the device has, on an "
        f"image of noise. Prints seconds per megapixel of input, frames per second at {FRAME}, and "
        "the tile that the free memory allows. A star marks the precision that `auto` chooses.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "-n",
        "--model-name",
        nargs="+",
        metavar="NAME",
        help="models, downloaded if they are not here (default: those that are here)",
    )
    parser.add_argument(
        "--model-path", type=Path, nargs="+", metavar="FILE", default=[], help="files of weights"
    )
    parser.add_argument(
        "--size", type=size, default=SIZE, metavar="WxH", help="of the image (default: 320x240)"
    )
    parser.add_argument("--json", action="store_true", help="lines of JSON instead of a table")
    add_device_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each model and precision; returns the exit code.

    Raises:
        RealesrError: A model is not available, or the device does not exist.
    """
    keep_memory()
    common = UpscaleOptions(
        device=device_names(args)[0],
        engine=args.engine,
        tile=args.tile,
        memory_budget=args.memory_budget,
        threads=args.threads,
    )
    models = [replace(common, model_path=path) for path in args.model_path]
    names = args.model_name or []
    if not names and not models:
        names = [spec.name for spec in MODELS if find_local_weights(spec)]
    models += [replace(common, model_name=name) for name in names]
    precisions: tuple[str, ...] = ("fp16", "mixed", "bf16", "fp32")
    if args.precision != "auto":
        precisions = (args.precision,)
    chosen = _chosen(common.device)
    if not args.json:
        _print_row(COLUMNS)
    for model in models:
        has_network = not is_plain(model.model_name, model.model_path)
        for precision in precisions if has_network else ("fp32",):
            try:
                row = _measure(replace(model, precision=precision), args.size)
            except DeviceError:
                if args.precision != "auto":
                    raise
                continue  # the device does not support this precision
            is_auto = precision == chosen
            if args.json:
                answer_json(row | {"is_auto": is_auto}, sys.stdout)
            else:
                row["precision"] += "*" if is_auto else " "
                _print_row(tuple(row.values()))
    return 0


def _chosen(device: str) -> str:
    """Returns the name of the precision that ``auto`` chooses."""
    from realesr.engine.device import resolve_device
    from realesr.engine.precision import default_precision

    return default_precision(resolve_device(device)).name


def _measure(options: UpscaleOptions, size: Size) -> dict[str, Any]:
    """Returns a row of the table: the median of several runs after a warm-up run."""
    import numpy as np

    from realesr.imaging.image import Image

    upscaler = make_upscaler(options, ensure_files(options))
    name = options.model_name if options.model_path is None else options.model_path.name
    noise = np.random.default_rng(0).integers(0, 256, (size.height, size.width, 3), np.uint8)
    image, target = Image(noise), size.scaled(upscaler.scale)
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        upscaler.upscale_to([image], target)
        seconds.append(time.perf_counter() - started)
    per_pixel = statistics.median(seconds[1:]) / size.area
    return {
        "model": name,
        "precision": options.precision,
        "tile": upscaler.description.tile,
        "s/MP": round(per_pixel * 1e6, 2),
        "fps": round(1 / (per_pixel * FRAME.area), 2),
    }


def _print_row(cells: tuple[Any, ...]) -> None:
    first, *others = cells
    answer(f"{first!s:<28}" + "".join(f"{cell!s:>10}" for cell in others))
