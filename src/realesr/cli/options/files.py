"""The options for inputs, outputs and messages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from realesr.media.formats import IMAGES, AnyMediaType
from realesr.options import FileOptions


def add_file_options(parser: argparse.ArgumentParser, kind: AnyMediaType) -> None:
    """What is read, what becomes of it, and what is left alone."""
    noun, example = kind.noun, kind.output_suffixes[0]
    streams = kind is IMAGES
    group = parser.add_argument_group("files")
    group.add_argument(
        "paths", type=Path, nargs="*", metavar="PATH", help="inputs, the same as with -i"
    )
    group.add_argument(
        "-i",
        "--input",
        type=Path,
        nargs="+",
        metavar="PATH",
        default=[],
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
        choices=("auto", *(suffix[1:] for suffix in kind.output_suffixes)),
        help=f"output format (default: the format of each input, or {kind.default_suffix[1:]})",
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


def inputs_of(args: argparse.Namespace) -> tuple[Path, ...]:
    """Returns the inputs, with or without ``-i``; the folder ``inputs`` where none is named."""
    return (*args.paths, *args.input) or (Path("inputs"),)


def file_options(args: argparse.Namespace, **more: Any) -> FileOptions:
    """What the group files has been given.

    Args:
        args: The command line.
        **more: Attributes of :class:`realesr.options.FileOptions` that the group does not have.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    return FileOptions(
        inputs=inputs_of(args),
        output=args.output,
        recursive=args.recursive,
        skip_existing=args.skip_existing,
        watch=args.watch,
        suffix=args.suffix,
        ext=args.ext,
        **more,
    )
