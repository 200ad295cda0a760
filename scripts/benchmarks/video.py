"""Measures the speed of video upscaling in realesr and in the reference, and its limits.

    cd scripts/benchmarks
    python video.py --model-path realesr-animevideov3.pth --size 1280x720 --size 1920x1080
    python video.py --x4plus-random --size 1280x720 --frames 16 --markdown video.md

The script is meant for GPUs; on a CPU it only serves as a test. Frames are different images of
noise, and are neither decoded nor encoded:

* ours: the loop of ``realesr video``, with its threads, batches and precision;
* reference: PyPI's ``realesrgan``, frame by frame as in its video script, in half precision on
  CUDA; omitted if it is not installed;
* network: the network of realesr alone, on a batch on the device;
* to and from: the conversion of a batch from pixels on the host to a tensor on the device, and of
  the result back, each alone. Stages overlap, so their times do not add up to the total.

TFLOP/s count two operations for each multiplication of the network. The share is relative to the
product of two 8192 x 8192 matrices in the same precision, measured in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
import torch
from bench import describe_network, load_reference
from torch.utils.flop_counter import FlopCounterMode

from realesr.engine.pytorch.backend import GPU_BATCH, in_precision
from realesr.engine.pytorch.tensor import to_pixels, to_tensor
from realesr.engine.tiled import TiledUpscaler
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.media.formats import VIDEOS
from realesr.media.frames import Frame
from realesr.models.loader import load_model
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.options import FileOptions, UpscaleOptions
from realesr.pipeline.executors.base import of_jobs
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.units import units_of
from realesr.plan import make_plan
from realesr.progress import no_report

REPEATS = 5
MATRIX = {"cuda": 8192, "cpu": 1024}
COLUMNS = ("Network", "Frames", "Ours, fps", "Reference, fps", "Ratio", "Network alone, fps")
COLUMNS += ("TFLOP/s", "Share of the peak", "To the device, ms", "From it, ms", "Peak, GiB")


class _Noise:
    """Source of different frames of noise in memory."""

    decode_errors = 0

    def __init__(self, size: Size, count: int) -> None:
        shape = (size.height, size.width, 3)
        noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        self._frames = [Image(np.roll(noise, number, axis=1)) for number in range(count)]
        self.frame_count = count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def abort(self) -> None: ...

    def __iter__(self) -> Iterator[Frame]:
        for number, image in enumerate(self._frames):
            yield Frame(index=number, image=image)


class _Nowhere:
    """Sink that discards frames."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def abort(self) -> None: ...

    def nearest_supported_size(self, size: Size) -> Size:
        return size

    def prepare(self, frame: Frame, size: Size) -> Frame:
        return frame

    def write(self, frame: Frame) -> None: ...


class _Video:
    """Medium that reads noise and writes nothing."""

    def __init__(self, noise: _Noise) -> None:
        self._noise = noise

    def source(self, *_: object) -> _Noise:
        return self._noise

    def sink(self, *_: object) -> _Nowhere:
        return _Nowhere()


def synchronize(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def seconds(task: Callable[[], Any], device: str, repeats: int = REPEATS) -> float:
    """Returns the median time of several runs after a warm-up run, s."""
    took = []
    for _ in range(repeats + 1):
        synchronize(device)
        started = time.perf_counter()
        task()
        synchronize(device)
        took.append(time.perf_counter() - started)
    return float(np.median(took[1:]))


def through_pipeline(upscaler: TiledUpscaler, noise: _Noise) -> float:
    """Returns the frames per second of a second run through the pipeline."""
    with TemporaryDirectory() as folder:
        clip = Path(folder, "noise.mp4")
        clip.touch()
        plan = make_plan(FileOptions(inputs=(clip,), output=Path(folder, "out.mp4")), VIDEOS)
        for _ in range(2):
            started = time.perf_counter()
            units = tuple(units_of(plan, UpscaleOptions(), _Video(noise)))
            report = LocalExecutor(lambda options: upscaler).run(units, of_jobs(no_report))
            took = time.perf_counter() - started
            if report.failed:
                raise SystemExit("a frame failed")
    return noise.frame_count / took


def in_reference(path: Path, noise: _Noise) -> float | None:
    """Returns the reference's frames per second after a first frame; None if not installed."""
    with TemporaryDirectory() as folder:
        try:
            enhance = load_reference(describe_network(path, str(Path(folder, path.name))))
        except ImportError as error:
            print(f"no reference: {error}", file=sys.stderr)
            return None
    frames = [frame.image.pixels[..., ::-1] for frame in noise]
    enhance(frames[0])
    started = time.perf_counter()
    for frame in frames:
        enhance(frame)
    return len(frames) / (time.perf_counter() - started)


@torch.inference_mode()
def peak_tflops(device: str, dtype: torch.dtype) -> float:
    """Returns the TFLOP/s of the product of two large matrices."""
    side = MATRIX[torch.device(device).type]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / seconds(lambda: a @ b, device) / 1e12


@torch.inference_mode()
def alone(path: Path, upscaler: TiledUpscaler, noise: _Noise) -> tuple[float, float, float, float]:
    """Returns seconds per frame of the network and of both copies, and its work in TFLOP."""
    device, precision = torch.device(upscaler.device), upscaler.precision
    batch = GPU_BATCH if device.type == "cuda" else 1
    dtype = getattr(torch, precision.dtype)
    pixels = np.stack([frame.image.pixels for frame in list(noise)[:batch]])
    model: Any = load_model(path).to(device, memory_format=torch.channels_last)
    network = in_precision(model, precision)
    x = to_tensor(pixels, device, dtype)
    sr = network(x)
    with FlopCounterMode(display=False) as counter:
        network(x[..., :32, :32])
    flop = counter.get_total_flops() / 32**2 * batch * pixels.shape[1] * pixels.shape[2]
    return (
        seconds(lambda: network(x), upscaler.device) / batch,
        seconds(lambda: to_tensor(pixels, device, dtype), upscaler.device) / batch,
        seconds(lambda: to_pixels(sr.clone(), pixels.dtype).cpu(), upscaler.device) / batch,
        flop / batch / 1e12,
    )


def measure(path: Path, size: Size, count: int, device: str) -> tuple[str, ...]:
    """Returns a row of the table."""
    noise = _Noise(size, count)
    options = UpscaleOptions(model_path=path, device=device)
    precision = "auto" if device.startswith("cuda") else "fp32"
    upscaler = make_upscaler(replace(options, precision=precision), ensure_files(options))
    if not isinstance(upscaler, TiledUpscaler):
        raise TypeError("a video goes through an TiledUpscaler")
    ours = through_pipeline(upscaler, noise)
    used = torch.cuda.max_memory_allocated(device) / 2**30 if device.startswith("cuda") else None
    network_s, there_s, back_s, tflop = alone(path, upscaler, noise)
    peak = peak_tflops(device, getattr(torch, upscaler.precision.dtype))
    reference = in_reference(path, noise)
    return (
        path.name,
        f"{count} of {size}",
        f"{ours:.2f}",
        "" if reference is None else f"{reference:.2f}",
        "" if reference is None else f"{ours / reference:.2f}",
        f"{1 / network_s:.2f}",
        f"{tflop / network_s:.1f}",
        f"{tflop / network_s / peak:.0%} of {peak:.1f}",
        f"{there_s * 1000:.1f}",
        f"{back_s * 1000:.1f}",
        "" if used is None else f"{used:.1f}",
    )


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model-path", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--x4plus-random", action="store_true", help="RRDBNet with random weights")
    parser.add_argument("--size", action="append", metavar="WxH", help="may be repeated")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        paths = list(args.model_path)
        if args.x4plus_random:
            paths.append(Path(folder, "x4plus-random.pth"))
            torch.save({"params": RRDBNet().state_dict()}, paths[-1])
        rows = [COLUMNS, ("---",) * len(COLUMNS)]
        for path in paths:
            for sides in args.size or ["1280x720"]:
                size = Size(*map(int, sides.split("x")))
                rows.append(measure(path, size, args.frames, args.device))
                print(rows[-1], flush=True)
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    print(table)
    if args.markdown:
        args.markdown.write_text(table)


if __name__ == "__main__":
    main()
