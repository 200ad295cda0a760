"""Which files are animations: files of image formats that hold more than one frame.

No decoder is loaded; the planning of a run asks this.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from realesr.media import gif_blocks
from realesr.media.animations import avif_boxes, png_chunks, webp_chunks
from realesr.media.animations.timeline import Kind, Plays, Timeline, make_timeline

_HEAD_BYTES = 512


def is_animated(path: Path) -> bool:
    """Returns whether a file is a GIF, WebP, PNG or AVIF with more than one frame."""
    if not path.is_file():  # opening a FIFO would wait
        return False
    try:
        with path.open("rb") as file:
            kind = _kind(file)
            if kind is None:
                return False
            frames = (each for each in _events(kind, file) if not isinstance(each, Plays))
            return sum(1 for _ in zip(frames, range(2), strict=False)) == 2
    except OSError:
        return False


def read_timeline(path: Path) -> Timeline | None:
    """Returns when the frames of a file are shown; None if it is none of the formats.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        kind = _kind(file)
        if kind is None:
            return None
        shortest = gif_blocks.SHORTEST if kind == "GIF" else Fraction(0)
        return make_timeline(kind, _events(kind, file), shortest=shortest)


def _kind(file: BinaryIO) -> Kind | None:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if head[:6] in gif_blocks.SIGNATURES:
        return "GIF"
    if head.startswith(png_chunks.SIGNATURE):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return "AVIF" if avif_boxes.is_sequence(head) else None


def _events(kind: Kind, file: BinaryIO) -> Iterator[Fraction | Plays]:
    match kind:
        case "GIF":
            return gif_blocks.read_events(file)
        case "PNG":
            return png_chunks.read_events(file)
        case "WEBP":
            return webp_chunks.read_events(file)
        case "AVIF":
            return avif_boxes.read_events(file)
