"""Command-line options of inputs, outputs and messages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from realesr.cli.options.parsers import shard
from realesr.media.formats import IMAGES, VIDEOS, AnyMediaType
from realesr.media.urls import path_of
from realesr.options import FileOptions


def add_file_options(
    parser: argparse.ArgumentParser, media_type: AnyMediaType, *, ext: str = "auto"
) -> None:
    """Adds the group ``files`` to a parser; its help names the files of the media type.

    Args:
        parser: Parser of the command.
        media_type: Images or videos.
        ext: Default output format; ``auto`` for the format of each input. Another one is named
            to :func:`file_options`, too.
    """
    noun, example = media_type.noun, media_type.output_suffixes[0]
    default_ext = media_type.default_suffix[1:]
    streams = media_type is not VIDEOS
    group = parser.add_argument_group("files")
    group.add_argument(
        "paths", type=path_of, nargs="*", metavar="PATH", help="inputs, the same as with -i"
    )
    group.add_argument(
        "-i",
        "--input",
        type=path_of,
        nargs="+",
        metavar="PATH",
        default=[],
        help=f"{noun}s, folders, patterns such as 'old/*{example}'"
        f"{', or - for standard input' if streams else ''} (default: inputs)",
    )
    group.add_argument(
        "-o",
        "--output",
        type=path_of,
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
        default="auto" if ext == "auto" else None,
        choices=("auto", *(suffix[1:] for suffix in media_type.output_suffixes)),
        help=f"output format (default: that of a named output file, else {ext})"
        if ext != "auto"
        else f"output format (default: the format of each input, or {default_ext})",
    )
    group.add_argument(
        "--skip-existing", action="store_true", help="skip inputs whose output exists"
    )
    group.add_argument(
        "--shard",
        type=shard,
        metavar="I/N",
        help="take part I of N, which names alone decide: N such runs, anywhere, do all",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="print inputs and outputs, and do nothing"
    )
    group.add_argument(
        "--watch",
        action="store_true",
        help="keep running and take files as they appear in the input folders",
    )


def add_output_options(parser: argparse.ArgumentParser, json: str) -> None:
    """Adds the group ``output`` to a parser; ``json`` is the help of ``--json``."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help=json)
    group.add_argument(
        "--metrics-file",
        type=Path,
        metavar="FILE",
        help="keep figures of the run in a file for Prometheus, by way of node_exporter's textfile "
        "collector",
    )
    group.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def inputs_of(args: argparse.Namespace) -> tuple[Path, ...]:
    """Returns the inputs, with or without ``-i``; the folder ``inputs`` if there are none."""
    return (*args.paths, *args.input) or (Path("inputs"),)


def file_options(args: argparse.Namespace, *, ext: str = "auto", **more: Any) -> FileOptions:
    """Returns the options of the group ``files``.

    Args:
        args: Parsed command line.
        ext: Output format if the command line names neither one nor an output file.
        **more: Fields of :class:`realesr.options.FileOptions` that are not in the group.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    if args.ext is None:
        names_file = IMAGES.matches(args.output) and not args.output.is_dir()
        args.ext = "auto" if names_file else ext
    return FileOptions(
        inputs=inputs_of(args),
        output=args.output,
        recursive=args.recursive,
        skip_existing=args.skip_existing,
        watch=args.watch,
        suffix=args.suffix,
        ext=args.ext,
        shard=getattr(args, "shard", None),
        **more,
    )
