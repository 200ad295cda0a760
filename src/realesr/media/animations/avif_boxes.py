"""Reads the boxes of animated AVIF files: image sequences of ISO/IEC 14496-12 and 23000-22."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from realesr.media.animations.timeline import FOREVER, Plays

BRAND = b"avis"
_LARGEST = 64 * 2**20
"""Largest box of tables that is read, bytes."""
_COLOR_TRACK = b"pict"
_UNKNOWN = 2**32 - 1
"""Duration of a track from which on it stands for an indefinite one."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """The color track of an image sequence.

    Attributes:
        durations: Time that each frame is shown, s.
        plays: How often it is played in all.
        bits: Bits a channel.
    """

    durations: tuple[Fraction, ...]
    plays: int
    bits: int


def is_sequence(head: bytes) -> bool:
    """Returns whether a file that begins so holds an image sequence besides its first image."""
    if head[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return BRAND in [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]


def read_events(file: BinaryIO) -> Iterator[Fraction | Plays]:
    """Yields the duration of each frame, s, and how often the animation is played.

    Args:
        file: The file.
    """
    sequence = read_sequence(file)
    if sequence is not None:
        yield Plays(sequence.plays)
        yield from sequence.durations


def read_sequence(file: BinaryIO) -> Sequence | None:
    """Returns the color track of a file; None if it has none, or is damaged.

    Args:
        file: The file.
    """
    size = file.seek(0, os.SEEK_END)
    movie = _movie(file, size)
    if movie is None:
        return None
    try:
        for kind, track in _boxes(movie):
            if kind == b"trak":
                sequence = _track(track, most=size)
                if sequence is not None:
                    return sequence
    except (KeyError, struct.error, ZeroDivisionError):
        return None
    return None


def _movie(file: BinaryIO, end: int) -> bytes | None:
    at = 0
    while at < end:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return None
        size, kind, skip = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, skip = int.from_bytes(head[8:], "big"), 16
        if size and size < skip:
            return None
        if kind == b"moov":
            file.seek(at + skip)
            return file.read(min(size - skip, _LARGEST) if size else _LARGEST)
        if not size:
            return None
        at += size
    return None


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        if size < 8:
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _time_scale(header: bytes) -> int:
    """Returns the ticks a second that an mdhd box states."""
    (scale,) = struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)
    return int(scale)


def _track(track: bytes, *, most: int) -> Sequence | None:
    """Returns a color track; None if it is another, or has more frames than ``most``."""
    boxes = dict(_boxes(track))
    media = dict(_boxes(boxes[b"mdia"]))
    if media[b"hdlr"][8:12] != _COLOR_TRACK:
        return None
    table = dict(_boxes(dict(_boxes(media[b"minf"]))[b"stbl"]))
    scale = _time_scale(media[b"mdhd"])
    stts = table[b"stts"]
    (count,) = struct.unpack_from(">I", stts, 4)
    durations: list[Fraction] = []
    for entry in range(count):
        frames, ticks = struct.unpack_from(">II", stts, 8 + 8 * entry)
        if len(durations) + frames > most:
            return None
        durations += [Fraction(ticks, scale)] * frames
    edits = dict(_boxes(boxes.get(b"edts", b""))).get(b"elst")
    plays = _plays(edits, boxes[b"tkhd"]) if edits else 1
    return Sequence(tuple(durations), plays, _bits(table[b"stsd"]))


def _plays(edits: bytes, header: bytes) -> int:
    """Returns how often a track is played: its edit list may be repeated (flag 1 of elst)."""
    if not int.from_bytes(edits[1:4], "big") & 1:
        return 1
    if header[0] == 1:
        (duration,) = struct.unpack_from(">Q", header, 28)
    else:
        (duration,) = struct.unpack_from(">I", header, 20)
    if duration >= _UNKNOWN:
        return FOREVER
    (segment,) = struct.unpack_from(">Q" if edits[0] == 1 else ">I", edits, 8)
    return -(-duration // segment) if segment else 1


def _bits(descriptions: bytes) -> int:
    """Returns the bits a channel (AV1 codec configuration, section 2.3)."""
    at = descriptions.find(b"av1C")
    flags = descriptions[at + 6] if at >= 0 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
