"""Reads the chunks of animated PNG files (PNG, third edition, sections 5.3 and 11.3.6)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from realesr.media.animations.timeline import Plays

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CONTROL = struct.Struct(">IIIIIHHBB")
_LONGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class FrameControl:
    """The content of an fcTL chunk: place, time and use of a frame.

    Attributes:
        width: Width, px.
        height: Height, px.
        left: Distance from the left edge, px.
        top: Distance from the upper edge, px.
        duration: Time that the frame is shown, s.
        disposal: What becomes of its area: 0 stays, 1 is cleared, 2 becomes what it was.
        is_blended: Whether it is laid over its area, or replaces it.
    """

    width: int
    height: int
    left: int
    top: int
    duration: Fraction
    disposal: int
    is_blended: bool


def parse_control(body: bytes) -> FrameControl:
    """Returns the content of an fcTL chunk.

    Raises:
        struct.error: It is too short.
    """
    _, width, height, left, top, delay, unit, disposal, blend = _CONTROL.unpack(body[:26])
    return FrameControl(
        width, height, left, top, Fraction(delay, unit or 100), disposal, blend == 1
    )


def read_chunks(file: BinaryIO, *, with_pixels: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yields type and content of each chunk; stops at the end, or where the file is cut short.

    Args:
        file: The file, at its beginning.
        with_pixels: Whether IDAT and fdAT chunks are read; their content is empty otherwise.
    """
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if length > _LONGEST:
            return
        if kind in (b"IDAT", b"fdAT") and not with_pixels:
            file.seek(length + 4, 1)
            yield kind, b""
        else:
            body = file.read(length)
            if len(body) < length:
                return
            file.seek(4, 1)
            yield kind, body
        if kind == b"IEND":
            return


def read_events(file: BinaryIO) -> Iterator[Fraction | Plays]:
    """Yields the duration of each frame, s, and how often the animation is played.

    Args:
        file: The file, at its beginning.
    """
    is_animated = False
    for kind, body in read_chunks(file, with_pixels=False):
        if kind == b"acTL" and len(body) >= 8:
            is_animated = True
            yield Plays(int.from_bytes(body[4:8], "big"))
        elif kind == b"IDAT" and not is_animated:
            return
        elif kind == b"fcTL" and is_animated and len(body) >= 26:
            yield parse_control(body).duration
