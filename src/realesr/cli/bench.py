"""``realesr bench``: measures the speed of models and precisions on this machine."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realesr.cli.options.model import add_device_options, device_options
from realesr.cli.options.parsers import size
from realesr.cli.printing import answer, answer_json
from realesr.cli.process import keep_memory
from realesr.cli.wording import print_notice
from realesr.errors import DeviceError, InvalidOptionError, MissingWeightsError
from realesr.geometry import Size
from realesr.loading.build import make_upscaler
from realesr.loading.notices import idle_of_filter, idle_of_tiles
from realesr.loading.resolve import NetworkFiles, ensure_files
from realesr.memory import free_host_bytes
from realesr.options import DEFAULT_MODEL, UpscaleOptions
from realesr.progress import Notice, Notify
from realesr.weights.catalog import MODELS, find_local_weights, is_plain

if TYPE_CHECKING:
    from realesr.imaging.upscaler import ImageUpscaler

PRECISIONS = ("fp16", "mixed", "bf16", "fp32")
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
        "the tile that the free memory allows. A star marks the precision that `auto` chooses for "
        "the model.",
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
        RealesrError: A model is not available, the device does not exist, or the image is too
            large.
    """
    from realesr.cli.reporter import download_bar

    models = _models(args)
    # All are looked for before the first measurement, which may take minutes.
    files = [ensure_files(model, downloading=download_bar, notify=print_notice) for model in models]
    keep_memory()
    is_first = True
    notify = _told_once()
    for model, its_files in zip(models, files, strict=True):
        for row in _rows(model, its_files, args.size, notify):
            if args.json:
                answer_json(row, sys.stdout)
                continue
            if is_first:
                _print_row(COLUMNS)
                is_first = False
            star = "*" if row.pop("is_auto") else " "
            row["precision"] = f"{row['precision'] or '-'}{star}"
            row["tile"] = {None: "-", 0: "none"}.get(row["tile"], row["tile"])
            _print_row(tuple(row.values()))
    return 0


def _models(args: argparse.Namespace) -> list[UpscaleOptions]:
    """Returns what is measured: what is named, or else the models that are here.

    Raises:
        InvalidOptionError: A value is outside its range.
        MissingWeightsError: Nothing is named, and no model is here.
    """
    common = device_options(args)
    names = args.model_name or []
    if not names and not args.model_path:
        names = [spec.name for spec in MODELS if find_local_weights(spec)]
        if not names:
            raise MissingWeightsError(f"no model is here: `realesr models fetch {DEFAULT_MODEL}`")
    models = [replace(common, model_path=path) for path in args.model_path]
    models += [replace(common, model_name=name) for name in names]
    for notice in idle_of_tiles(common):
        print_notice(notice)
    if all(is_plain(model.model_name, model.model_path) for model in models):
        for notice in idle_of_filter(models[0]):
            print_notice(notice)
    return models


def _told_once() -> Notify:
    """Returns what prints each notice once, although a model is loaded for each precision."""
    told: set[Notice] = set()

    def tell(notice: Notice) -> None:
        if notice not in told:
            told.add(notice)
            print_notice(notice)

    return tell


def _rows(
    model: UpscaleOptions, files: NetworkFiles | None, size: Size, notify: Notify
) -> Iterator[dict[str, Any]]:
    """Yields the measurements of a model, in all precisions that it can be computed in.

    Raises:
        RealesrError: The model cannot be loaded, or not in the precision that is asked for; or the
            image is too large.
    """
    automatic = make_upscaler(replace(model, precision="auto"), files).description.precision
    is_asked_for = model.precision != "auto"
    if files is None:
        precisions: Sequence[str] = ("auto",)
    else:
        precisions = (model.precision,) if is_asked_for else PRECISIONS
    for precision in precisions:
        options = replace(model, precision=precision)
        try:
            upscaler = make_upscaler(options, files, notify=notify)
        except DeviceError:
            if is_asked_for:
                raise
            continue  # the device does not support this precision
        found = upscaler.description.precision
        if files is not None and found != precision and not is_asked_for:
            continue  # an ONNX network has its own
        seconds = _seconds_per_pixel(upscaler, size)
        yield {
            "model": model.model_name if model.model_path is None else model.model_path.name,
            "precision": found,
            "tile": upscaler.description.tile,
            "s/MP": round(seconds * 1e6, 2),
            "fps": round(1 / (seconds * FRAME.area), 2),
            "is_auto": found is not None and found == automatic,
        }


def _seconds_per_pixel(upscaler: ImageUpscaler, size: Size) -> float:
    """Returns the median of several runs after a warm-up run.

    Raises:
        InvalidOptionError: The image and its result do not fit into the memory.
    """
    import numpy as np

    from realesr.imaging.image import Image

    target = size.scaled(upscaler.scale)
    needed, free = 3 * (size.area + target.area), free_host_bytes()
    if needed > free:
        raise InvalidOptionError(
            f"`size` {size}: with its result of {target} px it takes {needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free: choose a smaller one"
        )
    noise = np.random.default_rng(0).integers(0, 256, (size.height, size.width, 3), np.uint8)
    image = Image(noise)
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        upscaler.upscale_to([image], target)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:]) / size.area


def _print_row(cells: tuple[Any, ...]) -> None:
    first, *others = cells
    answer(f"{first!s:<28}" + "".join(f"{cell!s:>10}" for cell in others))
