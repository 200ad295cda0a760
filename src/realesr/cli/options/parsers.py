"""The argument parser, and the parsers of option values."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from realesr.cli.printing import answer_text, tell
from realesr.geometry import Size
from realesr.media.urls import path_of

_LONGEST = 10**9
"""Largest time, s: 30 years. Far larger ones are no floating-point numbers."""


class _HelpFormatter(argparse.HelpFormatter):
    """Wraps descriptions, and keeps the lines of examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if not text.startswith("examples:"):
            return super()._fill_text(text, width, indent)
        return "".join(indent + line for line in text.splitlines(keepends=True))


class ArgumentParser(argparse.ArgumentParser):
    """Parser of a command; it has ``-v`` and reports an error in one line, without the usage.

    Args:
        **options: As of :class:`argparse.ArgumentParser`. An ``epilog`` that begins with
            ``examples:`` keeps its lines.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _HelpFormatter, **options})
        for convert in (Path, path_of):  # `type=Path` stays readable, and is checked
            self.register("type", convert, partial(_named, convert))
        self.add_argument(
            "-v",
            "--verbose",
            action="count",
            default=argparse.SUPPRESS,  # a command must not undo a -v that stands before it
            help="print model, device, precision, tiles and times; -vv: tracebacks too",
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses arguments; a command refuses those that it does not know, with what helps it."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self._subparsers is None:
            advice = ""
            several = [each for each in self._get_positional_actions() if each.nargs in ("*", "+")]
            if several and not unknown[0].startswith("-"):
                noun = "files" if several[0].metavar == "PATH" else "models"
                advice = f": name all {noun} together, before or after the options"
            self.error(f"unrecognized arguments: {' '.join(unknown)}{advice}")
        return found, unknown

    def _print_message(self, message: str, file: object = None) -> None:
        """Prints a help, without the silence of argparse where that fails."""
        if file is None or file is sys.stderr:
            for line in message.splitlines():
                tell(line)
        else:
            answer_text(message.rstrip("\n"))

    def error(self, message: str) -> NoReturn:
        """Prints the error and exits with code 2."""
        tell(f"realesr: error: {message} (`{self.prog} --help` lists all)")
        sys.exit(2)


def _named(convert: Callable[[str], Path], text: str) -> Path:
    """Parses a path; an empty one, as of a shell's unset variable, is not the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("'': a name is missing; write . for the current folder")
    return convert(text)


def tile(text: str) -> int | None:
    """Parses the side of a tile, px; None for ``auto``."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be auto, 0 (no tiles) or a number of pixels"
        ) from None


def size(text: str) -> Size:
    """Parses a size in px, such as ``3840x2160``."""
    width, _, height = text.lower().partition("x")
    try:
        return Size(int(width), int(height))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be WIDTHxHEIGHT in pixels, such as 3840x2160"
        ) from None


def memory(text: str) -> int:
    """Parses a size of memory, such as ``800M`` or ``2G``, into bytes."""
    size = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.lower())
    if size is None:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a size such as 800M or 2G")
    return int(float(size[1]) * 1024 ** ("", "k", "m", "g").index(size[2]))


def seconds(text: str) -> Fraction:
    """Parses a time, such as ``90``, ``1:30`` or ``0:01:30.5``, into exact seconds."""
    try:
        total = Fraction(0)
        for part in text.split(":"):
            total = 60 * total + Fraction(part)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be seconds, or hours:minutes:seconds"
        ) from None
    if abs(total) > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r}: is longer than any clip")
    return total


def frame_rate(text: str) -> Fraction:
    """Parses a frame rate, such as ``24``, ``23.976`` or ``24000/1001``, exactly."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be a number, or a fraction such as 24000/1001"
        ) from None


def gpu_numbers(text: str) -> tuple[int, ...]:
    """Parses the numbers of GPUs, such as ``0`` or ``0,1``."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = (-1,)
    if min(numbers) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be the number of a GPU, or several: 0,1")
    return numbers


def gpu_number(text: str) -> tuple[int]:
    """Parses the number of one GPU, for a command that computes in one process."""
    first, *others = gpu_numbers(text)
    if others:
        raise argparse.ArgumentTypeError(f"{text!r}: this command computes on one GPU: name one")
    return (first,)


def shard(text: str) -> tuple[int, int]:
    """Parses a part such as ``3/8``."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no part such as 3/8")
    return int(match[1]), int(match[2])
