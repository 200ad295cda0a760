"""Reads the blocks of GIF files (GIF89a, sections 17 to 27), without their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import BinaryIO

from realesr.media.animations.timeline import FOREVER, Plays

SIGNATURES = (b"GIF87a", b"GIF89a")
TICK = Fraction(1, 100)
"""The unit of delays, s."""
SHORTEST = Fraction(1, 100)
"""Longest delay, s, that browsers take for a missing one."""
_HEADER_BYTES = 13
_CONTROL, _APPLICATION = b"\xf9", b"\xff"
_RESTORED, CLEARED = 3, 2
"""Disposals of a frame, in bits 2 to 4 of its control block."""
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def read_events(file: BinaryIO) -> Iterator[Fraction | Plays]:
    """Yields the delay of each frame, s, and how often the animation is played.

    A loop count of N means N plays more than the first, as in browsers and gif2webp.

    Args:
        file: The file, at its beginning.
    """
    _skip_table(file, file.read(_HEADER_BYTES)[10:11])
    delay = Fraction(0)
    for label, blocks in _records(file):
        first = next(blocks, b"")
        if label is None:
            yield delay
            delay = Fraction(0)
        elif label == _CONTROL and len(first) >= 3:
            delay = _number(first[1:3]) * TICK
        elif label == _APPLICATION and first in _LOOPS:
            loop = next(blocks, b"")
            if len(loop) >= 3 and loop[0] & 7 == 1:
                count = _number(loop[1:3])
                yield Plays(count + 1 if count else FOREVER)


def extent(file: BinaryIO, *, frames: int | None = None) -> tuple[int, int]:
    """Returns width and height, px, of the area on which frames lie.

    Pillow makes room for frames that reach beyond the canvas, as early as it opens a file.

    Args:
        file: The file, at its beginning.
        frames: Number of frames that are looked at; None for all.
    """
    header = file.read(_HEADER_BYTES)
    width, height = _number(header[6:8]), _number(header[8:10])
    _skip_table(file, header[10:11])
    descriptors = (next(blocks) for label, blocks in _records(file) if label is None)
    for descriptor in islice(descriptors, frames):
        left, top, across, down = (_number(descriptor[i : i + 2]) for i in (0, 2, 4, 6))
        width, height = max(width, left + across), max(height, top + down)
    return width, height


def restored_at(file: BinaryIO) -> int | None:
    """Returns where the first frame says that what was before it is restored; None if it does not.

    There was nothing, so that browsers and ffmpeg clear its area.

    Args:
        file: The file, at its beginning.
    """
    header = file.read(13)
    _skip_table(file, header[10:11])
    found: int | None = None
    while file.read(1) == b"\x21":
        label, at = file.read(1), file.tell() + 1
        blocks = _sub_blocks(file)
        first = next(blocks, b"")
        if label == _CONTROL and first:
            found = at if first[0] >> 2 & 7 == _RESTORED else None
        for _ in blocks:
            pass
    return found


def _records(file: BinaryIO) -> Iterator[tuple[bytes | None, Iterator[bytes]]]:
    """Yields the extensions and frames behind the tables of a file.

    Yields:
        The label of an extension and its blocks; None and the descriptor of a frame. What is left
        of the blocks is skipped.
    """
    while True:
        match file.read(1):
            case b"\x21":
                label, blocks = file.read(1), _sub_blocks(file)
                yield label, blocks
                for _ in blocks:
                    pass
            case b"\x2c":
                descriptor = file.read(9)
                if len(descriptor) < 9:
                    return
                yield None, iter((descriptor,))
                _skip_table(file, descriptor[8:])
                file.read(1)  # the code size
                for _ in _sub_blocks(file):
                    pass
            case b"\0":  # some encoders pad
                continue
            case _:  # the trailer, the end of a file that is cut short, or damage
                return


def _skip_table(file: BinaryIO, flags: bytes) -> None:
    if flags and flags[0] & 0x80:
        file.seek(3 * 2 ** ((flags[0] & 7) + 1), 1)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _sub_blocks(file: BinaryIO) -> Iterator[bytes]:
    while size := file.read(1):
        if size == b"\0":
            return
        yield file.read(size[0])
