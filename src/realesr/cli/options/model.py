"""Command-line options of the network, the size of the results, and the device."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from realesr.cli.options.faces import face_options
from realesr.cli.options.parsers import gpu_number, gpu_numbers, memory, size, tile
from realesr.errors import InvalidOptionError
from realesr.options import (
    ALPHA_UPSAMPLERS,
    DEFAULT_MODEL,
    ENGINES,
    PRECISIONS,
    ClusterOptions,
    Target,
    UpscaleOptions,
    WorkerOptions,
)
from realesr.weights.catalog import BASELINES


def add_size_options(parser: argparse.ArgumentParser) -> None:
    """Adds the group ``size`` to a parser."""
    group = parser.add_argument_group("size (default: the model's scale)")
    group.add_argument("-s", "--outscale", type=float, metavar="X", help="scale factor, any number")
    group.add_argument(
        "--width",
        type=int,
        metavar="PX",
        help="output width; without --height the aspect ratio is kept",
    )
    group.add_argument(
        "--height",
        type=int,
        metavar="PX",
        help="output height; without --width the aspect ratio is kept",
    )
    group.add_argument(
        "--fit",
        type=size,
        metavar="WxH",
        help="largest size that fits into this box, such as 3840x2160",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds the group ``model`` to a parser."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "-n",
        "--model-name",
        metavar="NAME",
        default=DEFAULT_MODEL,
        help="model from `realesr models list`, downloaded on first use; or one without a network: "
        f"{', '.join(BASELINES)} (default: %(default)s)",
    )
    group.add_argument(
        "--model-path",
        type=Path,
        metavar="FILE",
        help="file to use instead: weights, .safetensors, .pth, .param or .bin (ncnn), .h5 "
        "(Keras), or an ONNX network",
    )
    group.add_argument(
        "-dn",
        "--denoise-strength",
        type=float,
        metavar="X",
        help="0 keeps noise, 1 removes it; only for realesr-general-x4v3 (default: 0.5)",
    )
    group.add_argument(
        "--sharpness",
        type=float,
        default=1.0,
        metavar="X",
        help="0 is faithful and soft, 1 crisp; for bundled models (default: 1)",
    )
    group.add_argument(
        "--alpha-upsampler",
        choices=ALPHA_UPSAMPLERS,
        default="realesrgan",
        help="how transparency is upscaled: by the network, or by a plain filter in half the time "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="X",
        help="how much of the network's detail is taken over a plain upscaling, 0 to 1 "
        "(default: 1)",
    )
    group.add_argument(
        "--consistency",
        type=float,
        default=0.0,
        metavar="X",
        help="how far the result is corrected until, reduced again, it is the input, 0 to 1; for "
        "clean inputs (default: 0)",
    )
    group.add_argument(
        "--no-color-lock",
        action="store_false",
        dest="color_lock",
        help="leave brightness and color as the network gives them, off by some levels "
        "(default: they follow the input)",
    )

    group.add_argument(
        "--denoise",
        type=float,
        default=0.0,
        metavar="LEVELS",
        help="remove noise of this standard deviation, in levels of 8 bits, before upscaling: 3 is "
        "a little, 15 a lot (default: 0)",
    )
    group.add_argument(
        "--deblock",
        type=float,
        default=0.0,
        metavar="X",
        help="smooth the edges of 8x8 blocks before upscaling, 0 to 1 (default: 0)",
    )


def add_device_options(parser: argparse.ArgumentParser, *, has_workers: bool = False) -> None:
    """Adds the group ``speed and memory`` to a parser.

    Args:
        parser: Parser of a command.
        has_workers: Whether several processes can share the work of the command, and GPUs with it.
    """
    group = parser.add_argument_group("speed and memory")
    devices = group.add_mutually_exclusive_group()
    devices.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)",
    )
    devices.add_argument(
        "-g",
        "--gpu-id",
        type=gpu_numbers if has_workers else gpu_number,
        metavar="N",
        help="same as --device cuda:N; 0 is auto"
        + ("; 0,1 shares the work among two GPUs" if has_workers else ""),
    )
    precision = group.add_mutually_exclusive_group()
    precision.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="numeric precision; mixed is bf16 with sensitive layers in fp32 (default: fp16 on "
        "CUDA, fp32 or mixed on a CPU)",
    )
    precision.add_argument(
        "--fp32",
        action="store_const",
        const="fp32",
        dest="precision",
        help="same as --precision fp32",
    )
    group.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="what computes the network; the last two need the extra `onnx` (default: native "
        "where it is the fastest, else torch; onnxruntime for ONNX networks)",
    )
    group.add_argument(
        "-t",
        "--tile",
        type=tile,
        metavar="PX",
        help="tile size in pixels; smaller tiles need less memory, 0 disables tiling (default: fit "
        "to free memory)",
    )
    group.add_argument(
        "--memory-budget",
        type=memory,
        metavar="SIZE",
        help="memory for tiles, such as 800M or 2G (default: half of the free memory)",
    )
    group.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads (default: one per core)"
    )
    group.add_argument(
        "--tile-pad",
        type=int,
        metavar="PX",
        help="context around a tile in pixels (default: the receptive field of the model)",
    )
    group.add_argument(
        "--pre-pad",
        type=int,
        default=0,
        metavar="PX",
        help="reflected pixels added at the right and bottom edges and cut off again (default: 0)",
    )
    group.add_argument(
        "--compile",
        action="store_true",
        help="compile the network for the GPU; takes a minute per image size and may pay off for "
        "videos and for many images of one size",
    )


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Adds the group ``processes`` to a parser."""
    group = parser.add_argument_group("processes")
    group.add_argument(
        "--workers",
        "--num-process-per-gpu",
        type=int,
        default=1,
        metavar="N",
        help="processes on each device, which share files and the pieces of long videos "
        "(default: 1)",
    )
    group.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="share the work on a Ray cluster: HOST:PORT of its head, auto for the one that this "
        "machine belongs to, or local to begin one here; all machines see the same files",
    )


def device_names(args: argparse.Namespace) -> tuple[str, ...]:
    """Returns the devices; ``-g 0`` is ``auto``, so that it works without a GPU."""
    gpus: tuple[int, ...] | None = args.gpu_id
    if gpus is None:
        return (str(args.device),)
    if gpus == (0,):
        return ("auto",)
    return tuple(f"cuda:{gpu}" for gpu in gpus)


def device_options(args: argparse.Namespace) -> UpscaleOptions:
    """Returns the options of the group ``speed and memory``; the others have their defaults.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    return UpscaleOptions(
        device=device_names(args)[0],
        precision=args.precision,
        engine=args.engine,
        tile=args.tile,
        memory_budget=args.memory_budget,
        threads=args.threads,
        tile_pad=args.tile_pad,
        pre_pad=args.pre_pad,
        is_compiled=args.compile,
    )


def worker_options(args: argparse.Namespace) -> WorkerOptions:
    """Returns the processes that share the work.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    return WorkerOptions(devices=device_names(args), each=args.workers)


def cluster_options(args: argparse.Namespace) -> ClusterOptions | None:
    """Returns the cluster that does the work; None for this machine.

    Raises:
        InvalidOptionError: A value is outside its range, or several GPUs are named.
    """
    if args.cluster is None:
        return None
    devices = device_names(args)
    if len(devices) > 1:
        raise InvalidOptionError(
            "`cluster` deals out the GPUs of its machines: leave `gpu_id` away"
        )
    return ClusterOptions(
        address=args.cluster, each=args.workers, device=devices[0], threads=args.threads
    )


def upscale_options(args: argparse.Namespace) -> UpscaleOptions:
    """Returns the options of the groups ``size``, ``model``, ``speed and memory`` and ``faces``.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    return replace(
        device_options(args),
        model_name=args.model_name,
        model_path=args.model_path,
        target=Target(outscale=args.outscale, width=args.width, height=args.height, fit=args.fit),
        denoise_strength=args.denoise_strength,
        sharpness=args.sharpness,
        alpha_upsampler=args.alpha_upsampler,
        strength=args.strength,
        consistency=args.consistency,
        color_lock=args.color_lock,
        faces=face_options(args),
        denoise=args.denoise,
        deblock=args.deblock,
        stabilize=getattr(args, "stabilize", False),
    )
