"""``realesr models``: lists, downloads and verifies the models of the catalog, converts others."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from realesr.cli.printing import answer, tell
from realesr.cli.wording import print_notice
from realesr.errors import InvalidOptionError
from realesr.weights.catalog import (
    MODELS,
    ModelSpec,
    Spec,
    all_specs,
    cache_folder,
    find_local_weights,
    find_spec,
)
from realesr.weights.content import is_onnx
from realesr.weights.metadata import LICENSE, ORIGIN
from realesr.weights.suffixes import NETWORK_SUFFIXES

ABSENT = "not downloaded"


EXAMPLES = """\
examples:
  realesr models list
  realesr models fetch RealESRGAN_x4plus
  realesr models info my-network.pth
  realesr models convert upscayl.param -o upscayl.safetensors
"""
VERB_EXAMPLES = {
    "list": "examples:\n  realesr models list\n",
    "fetch": """\
examples:
  realesr models fetch RealESRGAN_x4plus realesr-general-x4v3
  realesr models fetch --all
""",
    "verify": """\
examples:
  realesr models verify
  realesr models verify realesr-photo-x4
""",
    "info": """\
examples:
  realesr models info realesr-photo-x4
  realesr models info my-network.pth
""",
    "convert": """\
examples:
  realesr models convert realesrgan-x4plus.param -o x4plus.safetensors --license BSD-3-Clause
  realesr models convert wdsr-b-32-x4.h5 -o wdsr.safetensors
  realesr models convert old-esrgan.pth -o esrgan.safetensors
""",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its verbs."""
    parser = commands.add_parser(
        "models",
        help="list, download, check and convert the models",
        description="Lists, downloads, checks and converts the models.",
        epilog=EXAMPLES,
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add_verb(name: str, run: Callable[[argparse.Namespace], int], help_: str) -> None:
        verb = verbs.add_parser(
            name,
            help=help_,
            description=help_[0].upper() + help_[1:] + ".",
            epilog=VERB_EXAMPLES[name],
        )
        verb.set_defaults(run=run)
        if name == "info":
            verb.add_argument("model", help="a name of `realesr models list`, or a file")
        elif name == "convert":
            _add_conversion(verb)
        elif name != "list":
            verb.add_argument("names", nargs="*", help="names of `realesr models list`")
        if name == "fetch":
            verb.add_argument("--all", action="store_true", help="every model that upscales")

    add_verb("list", list_models, "name, scale, license, place and domain of each model")
    add_verb("fetch", fetch_models, "download weights into the user's cache")
    add_verb("verify", verify_models, "compare the weights on this machine with the catalog")
    add_verb("info", show_model, "all that is known of a model, or of a file of weights")
    add_verb("convert", convert_model, "write weights of PyTorch, ncnn or Keras as safetensors")


def _add_conversion(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help=".pth, .ckpt, .safetensors; .param or .bin of ncnn, whose other half lies beside it; "
        ".h5 of krasserm's super-resolution or of ISR",
    )
    verb.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="the .safetensors to write"
    )
    verb.add_argument(
        "--license",
        metavar="TEXT",
        help="license of the weights (default: what the file says, or unknown)",
    )


def list_models(args: argparse.Namespace) -> int:
    """Prints a line for each model; returns the exit code."""
    rows = [("NAME", "SCALE", "MB", "LICENSE", "WEIGHTS", "MADE FOR"), *map(_row, all_specs())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        answer("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    return 0


def fetch_models(args: argparse.Namespace) -> int:
    """Downloads missing weights; returns the exit code.

    Raises:
        InvalidOptionError: Nothing is named, or all and some.
        RealesrError: A model is not in the catalog, or cannot be downloaded.
    """
    from realesr.cli.reporter import download_bar
    from realesr.weights.fetch import ensure_weights

    if bool(args.names) == args.all:
        raise InvalidOptionError(
            "models fetch downloads what is named, or --all: "
            + ("drop one" if args.all else "say what")
        )
    specs = list(MODELS) if args.all else [find_spec(name) for name in args.names]
    for spec in specs:
        with download_bar(spec.weights.name) as on_progress:
            path = ensure_weights(spec, on_progress=on_progress, notify=print_notice)
        answer(path)
    return 0


def verify_models(args: argparse.Namespace) -> int:
    """Compares hashes; returns 1 if one differs or a named model is missing."""
    from realesr.weights.fetch import matches_checksum

    code = 0
    for spec in [find_spec(name) for name in args.names] or all_specs():
        path = find_local_weights(spec)
        if path is None:
            verdict = ABSENT
            code |= bool(args.names)
        elif matches_checksum(path, spec.weights):
            verdict = f"genuine: {path}"
        else:
            verdict = f"not the published file: {path}"
            code = 1
        answer(f"{spec.name}: {verdict}")
    return code


def show_model(args: argparse.Namespace) -> int:
    """Prints the properties of a model or of a weights file; returns the exit code."""
    known = any(spec.name == args.model for spec in all_specs())
    path = Path(args.model)
    is_file = path.is_file() or path.suffix.lower() in NETWORK_SUFFIXES
    if known or not is_file:
        lines = _describe(args.model)
    else:
        lines = _describe_onnx(path) if is_onnx(path) else _describe_file(path)
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        answer(f"{name.ljust(width)}  {value}")
    return 0


def convert_model(args: argparse.Namespace) -> int:
    """Converts a file of weights; returns the exit code."""
    from realesr.loading.notices import notify_of_resize
    from realesr.models.convert import convert

    made = convert(args.file, args.output, license_=args.license)
    notify_of_resize(args.file, print_notice)
    answer(made.path)
    tell(
        f"{made.architecture}, x{made.scale}, {made.parameters:,} parameters, license: "
        f"{made.metadata[LICENSE]}"
    )
    return 0


def _describe(name: str) -> list[tuple[str, str]]:
    spec = find_spec(name, files="Nor is it a file, such as new.safetensors")
    return [
        ("name", spec.name),
        ("made for", spec.domain),
        ("scale", _scale_of(spec)),
        ("architecture", spec.architecture),
        ("license", spec.license),
        ("file", f"{spec.weights.name}, {spec.weights.size_bytes} bytes"),
        ("sha256", spec.weights.sha256),
        ("from", spec.weights.url or "part of realesr"),
        ("here", str(find_local_weights(spec) or f"no: would go to {cache_folder()}")),
    ]


def _describe_onnx(path: Path) -> list[tuple[str, str]]:
    """Returns what an ONNX network is, after it has run once.

    Raises:
        WeightsError: It cannot be taken.
        MissingExtraError: A package is not installed.
    """
    from realesr.engine.onnx.content import read_onnx
    from realesr.engine.onnx.network import PREFIX, load_network
    from realesr.engine.onnx.session import RUNTIMES, open_session
    from realesr.weights.fetch import sha256_of
    from realesr.weights.limits import plain

    file = read_onnx(path)
    network = load_network(file, open_session(RUNTIMES[0], file, device="cpu", threads=None))
    height, width = (side or "any" for side in file.fixed)
    told = {key: file.metadata.get(PREFIX + key) for key in ("model", LICENSE)}
    return [
        ("file", str(path)),
        ("architecture", f"an ONNX network, for {' or '.join(RUNTIMES)}"),
        ("scale", f"x{network.scale}"),
        ("precision", "fp16" if file.is_half else "fp32"),
        ("input", f"{width} x {height} px" if any(file.fixed) else "of any size"),
        ("sha256", sha256_of(path)),
        *((key, plain(" ".join(text.split()), 200)) for key, text in told.items() if text),
    ]


def _describe_file(path: Path) -> list[tuple[str, str]]:
    from realesr.models.loader import load_model
    from realesr.weights.fetch import sha256_of
    from realesr.weights.limits import plain
    from realesr.weights.torch_checkpoint import load_checkpoint

    model = load_model(path)
    digest = sha256_of(path)
    published = [spec.name for spec in all_specs() if spec.weights.sha256 == digest]
    told = load_checkpoint(path).metadata
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return [
        ("file", str(path)),
        ("architecture", getattr(model, "architecture", type(model).__name__)),
        ("scale", f"x{model.scale}"),
        ("parameters", f"{parameters:,}"),
        ("sha256", digest),
        ("published as", ", ".join(published) or "not in the catalog"),
        *(
            (name, plain(" ".join(told[name].split()), 200))
            for name in (LICENSE, ORIGIN)
            if name in told
        ),
    ]


def _scale_of(spec: Spec) -> str:
    return f"x{spec.scale}" if isinstance(spec, ModelSpec) else "-"


def _row(spec: Spec) -> tuple[str, ...]:
    size = f"{spec.weights.size_bytes / 1e6:.1f}"
    return (
        spec.name,
        _scale_of(spec),
        size,
        spec.license,
        _place(spec),
        spec.domain,
    )


def _place(spec: Spec) -> str:
    """Returns the location of the weights: a word for package or cache, else the path."""
    path = find_local_weights(spec)
    if path is None:
        return ABSENT
    if path.parent == cache_folder():
        return "cached"
    return "bundled" if spec.weights.url is None else str(path)
