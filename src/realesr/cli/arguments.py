"""The parser, and the options that commands share, by group."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from realesr.geometry import Size
from realesr.media.formats import IMAGES, AnyKind
from realesr.options import (
    ALPHA_UPSAMPLERS,
    DEFAULT_MAX_PIXELS,
    DEFAULT_MODEL,
    DEINTERLACING,
    FACE_DETECTORS,
    FACE_MODELS,
    PRECISIONS,
    FaceOptions,
    FileOptions,
    Target,
    UpscaleOptions,
)
from realesr.weights.catalog import BASELINES


class Parser(argparse.ArgumentParser):
    """Answers a mistake in one line, not with the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Exits with 2."""
        stray = re.fullmatch(r"unrecognized arguments: ([^-].*)", message)
        if stray:
            message += f": files go behind -i, as in -i {stray[1]}"
        print(f"realesr: error: {message} (`{self.prog} --help` lists all)", file=sys.stderr)
        sys.exit(2)


def tile(text: str) -> int | None:
    """Pixels, or None for ``auto``."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be auto, 0 (no tiles) or a number of pixels"
        ) from None


def size(text: str) -> Size:
    """``3840x2160``."""
    width, _, height = text.lower().partition("x")
    try:
        return Size(int(width), int(height))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be WIDTHxHEIGHT in pixels, such as 3840x2160"
        ) from None


def memory(text: str) -> int:
    """``800M`` or ``2G``: bytes."""
    size = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.lower())
    if size is None:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a size such as 800M or 2G")
    return int(float(size[1]) * 1024 ** ("", "k", "m", "g").index(size[2]))


def seconds(text: str) -> Fraction:
    """``90``, ``1:30`` or ``0:01:30.5``, exactly: frames are chosen by it."""
    try:
        total = Fraction(0)
        for part in text.split(":"):
            total = 60 * total + Fraction(part)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be seconds, or hours:minutes:seconds"
        ) from None
    return total


def frame_rate(text: str) -> Fraction:
    """``24``, ``23.976`` or ``24000/1001``."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be a number, or a fraction such as 24000/1001"
        ) from None


def add_file_options(parser: argparse.ArgumentParser, kind: AnyKind) -> None:
    """What is read, what becomes of it, and what is left alone."""
    noun, example = kind.noun, kind.written_suffixes[0]
    streams = kind is IMAGES
    group = parser.add_argument_group("files")
    group.add_argument(
        "-i",
        "--input",
        type=Path,
        nargs="+",
        metavar="PATH",
        default=[Path("inputs")],
        help=f"{noun}s, folders, patterns such as 'old/*{example}'"
        f"{', or - for standard input' if streams else ''} (default: inputs)",
    )
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        default=Path("results"),
        help=f"a folder; for a single {noun} also a file name such as out{example}"
        f"{', or - for standard output' if streams else ''} (default: results)",
    )
    group.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="search folders recursively and mirror them in the output",
    )
    group.add_argument(
        "--suffix",
        default="out",
        metavar="WORD",
        help=f"appended to each name, in{example} -> in_out{example}; '' for none (default: out)",
    )
    group.add_argument(
        "--ext",
        type=lambda word: word.lower().removeprefix("."),
        default="auto",
        choices=("auto", *(suffix[1:] for suffix in kind.written_suffixes)),
        help=f"output format (default: the format of each input, or {kind.fallback[1:]})",
    )
    group.add_argument(
        "--skip-existing", action="store_true", help="skip inputs whose output exists"
    )
    group.add_argument(
        "--dry-run", action="store_true", help="print inputs and outputs, and do nothing"
    )
    group.add_argument(
        "--watch",
        action="store_true",
        help="keep running and upscale files as they appear in the input folders",
    )


def add_output_options(parser: argparse.ArgumentParser, json: str) -> None:
    """What is told, and to whom."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help=json)
    group.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def add_size_options(parser: argparse.ArgumentParser) -> None:
    """How large results become."""
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
    """Which network, and how it is used."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "-n",
        "--model-name",
        metavar="NAME",
        default=DEFAULT_MODEL,
        help="model from `realesr models list`, downloaded on first use; or a plain filter: "
        f"{', '.join(BASELINES)} (default: %(default)s)",
    )
    group.add_argument(
        "--model-path",
        type=Path,
        metavar="FILE",
        help="weights file to use instead, .safetensors or .pth",
    )
    group.add_argument(
        "-dn",
        "--denoise-strength",
        type=float,
        metavar="X",
        help="0 keeps noise, 1 removes it; only for realesr-general-x4v3 (default: 0.5)",
    )
    group.add_argument(
        "--alpha-upsampler",
        choices=ALPHA_UPSAMPLERS,
        default="realesrgan",
        help="how transparency is upscaled: by the network, or by a plain filter in half the time "
        "(default: %(default)s)",
    )


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """How images are read and written."""
    group = parser.add_argument_group("images")
    group.add_argument(
        "--max-pixels",
        type=int,
        metavar="N",
        default=DEFAULT_MAX_PIXELS,
        help="refuse larger inputs, because a small file can decode to a huge image "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--quality",
        type=int,
        metavar="N",
        help="1 to 100, for jpg, webp and avif (default: 95; avif: 90)",
    )
    group.add_argument("--lossless", action="store_true", help="encode webp and avif losslessly")


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Which part of a video is read, and how it is written."""
    part = parser.add_argument_group("excerpt")
    part.add_argument(
        "--start",
        type=seconds,
        default=Fraction(0),
        metavar="TIME",
        help="start, in seconds or as 0:01:30",
    )
    part.add_argument("--end", type=seconds, metavar="TIME", help="end, in seconds or as 0:01:30")
    part.add_argument("--frames", type=int, metavar="N", help="process at most N frames")
    part.add_argument(
        "--deinterlace",
        choices=DEINTERLACING,
        default="auto",
        help="deinterlace before upscaling (default: %(default)s, for interlaced input)",
    )
    part.add_argument(
        "--fps",
        type=frame_rate,
        metavar="N",
        help="play the same frames at this constant rate; audio is unchanged "
        "(default: every frame keeps its time stamp)",
    )
    part.add_argument(
        "--strict", action="store_true", help="fail if any input frame cannot be decoded"
    )
    group = parser.add_argument_group("encoding")
    group.add_argument(
        "--codec",
        metavar="NAME",
        help="ffmpeg encoder, such as libx265, libsvtav1, prores_ks, h264_nvenc "
        "(default: libx264, libx265 above 8 bits, libvpx-vp9 for webm)",
    )
    group.add_argument(
        "--crf",
        type=float,
        metavar="N",
        help="quality; lower is better (default: visually lossless)",
    )
    group.add_argument("--preset", metavar="WORD", help="encoder speed preset")
    group.add_argument(
        "--pix-fmt",
        metavar="NAME",
        help="pixel format, such as yuv420p (default: chroma and bit depth of the input)",
    )
    group.add_argument(
        "--encoder-args",
        type=shlex.split,
        default=[],
        metavar="ARGS",
        help="further arguments for ffmpeg's output, such as --encoder-args='-tune video'",
    )
    group.add_argument(
        "--ffmpeg-bin",
        type=Path,
        metavar="FILE",
        help="ffmpeg to use (default: the bundled one)",
    )
    parser.add_argument("--extract-frame-first", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--num-process-per-gpu", type=int, default=1, help=argparse.SUPPRESS)


def add_face_options(parser: argparse.ArgumentParser) -> None:
    """The group faces."""
    default = FaceOptions()
    group = parser.add_argument_group("faces")
    group.add_argument(
        "--face-enhance", action="store_true", help="restore faces; needs the extra realesr[face]"
    )
    group.add_argument(
        "--face-model",
        choices=FACE_MODELS,
        default=default.model,
        help="restoration network (default: %(default)s)",
    )
    group.add_argument(
        "--face-weight",
        type=float,
        default=default.weight,
        metavar="W",
        help="share of the restored face in the result, 0 to 1 (default: %(default)g)",
    )
    group.add_argument(
        "--face-detector",
        choices=FACE_DETECTORS,
        default=default.detector,
        help="face detector; the last two are small and fast (default: %(default)s)",
    )
    group.add_argument(
        "--face-confidence",
        type=float,
        metavar="P",
        help="ignore detections below this score, 0 to 1 "
        "(default: 0.97 for RetinaFace, 0.8 for YuNet)",
    )
    group.add_argument(
        "--face-min-size",
        type=int,
        default=default.min_size,
        metavar="PX",
        help="ignore faces smaller than this in the input (default: %(default)s)",
    )
    group.add_argument(
        "--only-center-face", action="store_true", help="restore only the face nearest the center"
    )
    group.add_argument(
        "--aligned", action="store_true", help="inputs are already cropped and aligned faces"
    )
    group.add_argument(
        "--face-report",
        type=Path,
        metavar="FILE",
        help="write boxes, scores and landmarks as JSON lines, one per image",
    )


def face_options(args: argparse.Namespace) -> FaceOptions | None:
    """What the group faces has been given; None where nothing is to be done about them.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    if not args.face_enhance:
        return None
    return FaceOptions(
        model=args.face_model,
        detector=args.face_detector,
        weight=args.face_weight,
        min_size=args.face_min_size,
        confidence=args.face_confidence,
        only_center=args.only_center_face,
        is_aligned=args.aligned,
        report=args.face_report,
    )


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Where the network runs, how exactly, and in what memory."""
    group = parser.add_argument_group("speed and memory")
    devices = group.add_mutually_exclusive_group()
    devices.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)",
    )
    devices.add_argument(
        "-g", "--gpu-id", type=int, metavar="N", help="same as --device cuda:N; 0 is auto"
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


def file_options(args: argparse.Namespace, **more: Any) -> FileOptions:
    """What the group files has been given.

    Args:
        args: The command line.
        **more: Attributes of :class:`realesr.options.FileOptions` that the group does not have.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    return FileOptions(
        inputs=tuple(args.input),
        output=args.output,
        recursive=args.recursive,
        skip_existing=args.skip_existing,
        watch=args.watch,
        suffix=args.suffix,
        ext=args.ext,
        **more,
    )


def device_name(args: argparse.Namespace) -> str:
    """The device that is asked for; ``-g 0`` takes a CPU where there is no GPU, as there."""
    gpu: int | None = args.gpu_id
    if gpu is None:
        return str(args.device)
    return f"cuda:{gpu}" if gpu else "auto"


def upscale_options(args: argparse.Namespace) -> UpscaleOptions:
    """What the groups size, model, and speed and memory have been given.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    return UpscaleOptions(
        model_name=args.model_name,
        model_path=args.model_path,
        target=Target(outscale=args.outscale, width=args.width, height=args.height, fit=args.fit),
        device=device_name(args),
        precision=args.precision,
        tile=args.tile,
        memory_budget=args.memory_budget,
        threads=args.threads,
        tile_pad=args.tile_pad,
        pre_pad=args.pre_pad,
        is_compiled=args.compile,
        denoise_strength=args.denoise_strength,
        alpha_upsampler=args.alpha_upsampler,
        faces=face_options(args),
    )
