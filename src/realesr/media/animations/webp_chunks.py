"""Reads the chunks of animated WebP files (WebP container, extended file format)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

from realesr.media.animations.timeline import Plays

TICK = Fraction(1, 1000)
"""The unit of durations, s."""
DURATION_AT = 12
"""Place of the duration in an ANMF chunk: 3 bytes, the least one first."""


def read_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yields type, place and length of the content of each chunk.

    Args:
        file: The file. Its position may be changed between two chunks.
    """
    at = 12
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        yield head[:4], at + 8, length
        at += 8 + length + length % 2


def read_events(file: BinaryIO) -> Iterator[Fraction | Plays]:
    """Yields the duration of each frame, s, and how often the animation is played.

    Args:
        file: The file.
    """
    for kind, at, _ in read_chunks(file):
        file.seek(at)
        if kind == b"ANIM":
            yield Plays(int.from_bytes(file.read(6)[4:], "little"))
        elif kind == b"ANMF":
            head = file.read(16)
            if len(head) == 16:
                yield int.from_bytes(head[DURATION_AT : DURATION_AT + 3], "little") * TICK
        elif kind in (b"VP8 ", b"VP8L"):
            return
