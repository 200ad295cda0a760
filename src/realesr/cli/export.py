"""``realesr export``: writes a network as a file that other programs compute."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from realesr import __version__
from realesr.cli.printing import answer, answer_json, tell
from realesr.cli.wording import print_notice
from realesr.export.formats import FORMATS, PRECISIONS
from realesr.options import DEFAULT_MODEL, UpscaleOptions
from realesr.weights.catalog import is_plain

EXAMPLES = """\
examples:
  realesr export -o photo.onnx
  realesr export -n RealESRGAN_x4plus -o x4plus.onnx --precision fp16
  realesr export --model-path my-network.pth --format ncnn -o my-network.param
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "export",
        help="write a network for other programs",
        description="Writes a network as ONNX or in another format, runs it there, and compares "
        "it with PyTorch before the file gets its name. Input and output are (N, 3, H, W), RGB "
        "from 0 to 1, of any size.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "-n", "--model-name", metavar="NAME", default=DEFAULT_MODEL,
        help="model from `realesr models list` (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--model-path", type=Path, metavar="FILE", help="weights file to use instead"
    )
    parser.add_argument(
        "-dn", "--denoise-strength", type=float, metavar="X",
        help="0 keeps noise, 1 removes it; only for realesr-general-x4v3 (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="onnx",
        help="format; what it needs is told if it is not installed (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="fp32",
        help="numbers of the file: fp16 halves it, and input and output are fp16, too "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="a line of JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code.

    Raises:
        RealesrError: Nothing was written.
    """
    from realesr.cli.reporter import download_bar
    from realesr.errors import InvalidOptionError
    from realesr.export.write import export
    from realesr.loading.resolve import ensure_files

    if is_plain(args.model_name, args.model_path):
        raise InvalidOptionError(f"`model_name` {args.model_name} is a filter, and no network")
    options = UpscaleOptions(
        model_name=args.model_name,
        model_path=args.model_path,
        denoise_strength=args.denoise_strength,
    )
    files = ensure_files(options, downloading=download_bar, notify=print_notice)
    if files is None:
        raise InvalidOptionError(f"`model_name` {args.model_name} is no network")
    written = export(
        files,
        args.output,
        format_name=args.format,
        precision=args.precision,
        version=__version__,
    )
    if args.json:
        answer_json(
            {
                "files": [str(path) for path in written.paths],
                "bytes": written.size_bytes,
                "scale": written.scale,
                "largest_difference": written.difference,
                "seconds": round(written.seconds, 1),
            },
            sys.stdout,
        )
        return 0
    for path in written.paths:
        answer(path)
    tell(
        f"x{written.scale}, {written.size_bytes / 1e6:.1f} MB; largest difference to PyTorch "
        f"{written.difference:.2g} of 1 ({255 * written.difference:.2g} levels of 255)"
    )
    if written.multiple_of > 1:
        tell(f"sides of images must be multiples of {written.multiple_of}: ncnn cannot pad them")
    if args.format == "onnx":
        tell(f"for TensorRT: {trtexec_command(written.paths[0])}")
    return 0


def trtexec_command(path: Path, *, multiple_of: int = 1) -> str:
    """Returns the command that builds TensorRT's engine of an ONNX file, for 1 image at a time.

    Engines belong to one GPU and one version of TensorRT, so that a command is worth more.

    Args:
        path: The ONNX file.
        multiple_of: What sides should be multiples of, px.
    """
    least = max(8, multiple_of)
    shapes = {"min": (least, least), "opt": (720, 1280), "max": (1080, 1920)}
    words = ["trtexec", f"--onnx={path}", f"--saveEngine={path.with_suffix('.engine')}"]
    words += [f"--{name}Shapes=input:1x3x{h}x{w}" for name, (h, w) in shapes.items()]
    return shlex.join([*words, "--stronglyTyped"])
