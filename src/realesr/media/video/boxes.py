"""Boxes of MP4 and QuickTime (ISO/IEC 14496-12, 4.2), and elements of Matroska (RFC 8794)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

MAX_HEADER_BYTES = 1 << 26
"""Largest header that is read: that of a film of days."""
_MAX_PARTS = 10_000
"""Boxes or elements that are passed until the header comes; common files have ten."""
Part = tuple[bytes, bytes]
"""A box or an element: its kind or its id, and its content."""


def boxes(content: bytes) -> Iterator[Part]:
    """Yields the boxes that a box contains.

    Raises:
        ValueError: A box ends outside.
    """
    begin = 0
    while begin + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, begin)
        header = 8
        if size == 1:
            size, header = int.from_bytes(content[begin + 8 : begin + 16], "big"), 16
        end = len(content) if size == 0 else begin + size
        if not begin + header <= end <= len(content):
            raise ValueError(f"a box of kind {kind!r} ends outside")
        yield kind, content[begin + header : end]
        begin = end


def box(kind: bytes, content: bytes) -> bytes:
    """Returns a box with its header."""
    return struct.pack(">I4s", len(content) + 8, kind) + content


def movie_box(path: Path) -> tuple[int, bytes] | None:
    """Returns the content of a file's box ``moov`` and its position in the file, if there is one.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        end, begin = file.seek(0, 2), 0
        for _ in range(_MAX_PARTS):
            if begin + 8 > end:
                break
            file.seek(begin)
            size, kind = struct.unpack(">I4s", file.read(8))
            header = 8
            if size == 1:
                size, header = int.from_bytes(file.read(8), "big"), 16
            if kind == b"moov" and size - header <= MAX_HEADER_BYTES:
                return begin + header, file.read(size - header)
            if size < header:  # 0: up to the end
                return None
            begin += size
    return None


def _vint(content: bytes, begin: int, *, keep_marker: bool) -> tuple[int, int]:
    """Returns a number of variable length (RFC 8794, 4) and the position behind it."""
    if begin >= len(content) or not content[begin]:
        raise ValueError("no number of Matroska")
    length = 9 - content[begin].bit_length()
    value = int.from_bytes(content[begin : begin + length], "big")
    if not keep_marker:
        value -= 1 << (7 * length)
        if value == (1 << (7 * length)) - 1:
            value = -1  # unknown: up to the end
    return value, begin + length


def elements(content: bytes) -> Iterator[Part]:
    """Yields the elements that an element contains.

    Raises:
        ValueError: An element ends outside.
    """
    begin = 0
    while begin < len(content):
        _, behind_id = _vint(content, begin, keep_marker=True)
        size, body = _vint(content, behind_id, keep_marker=False)
        end = len(content) if size < 0 else body + size
        if end > len(content):
            raise ValueError("an element of Matroska ends outside")
        yield content[begin:behind_id], content[body:end]
        begin = end


def element(kind: bytes, content: bytes, *, size_length: int = 0) -> bytes:
    """Returns an element with its id and its size.

    Args:
        kind: The id with its marker.
        content: The content.
        size_length: Bytes of the size; 0 for as few as possible.
    """
    length = size_length or next(n for n in range(1, 9) if len(content) < (1 << (7 * n)) - 1)
    return kind + (len(content) | 1 << (7 * length)).to_bytes(length, "big") + content


def find_element(path: Path, wanted: bytes) -> tuple[int, bytes] | None:
    """Returns the content of a child of the segment before the first cluster, and its position.

    Args:
        path: A Matroska file.
        wanted: The id of the child.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no Matroska file.
    """
    with path.open("rb") as file:
        begin = 0
        for _ in range(_MAX_PARTS):
            file.seek(begin)
            head = file.read(16)
            if not head:
                return None
            _, behind_id = _vint(head, 0, keep_marker=True)
            size, body = _vint(head, behind_id, keep_marker=False)
            kind = head[:behind_id]
            if kind == wanted and 0 <= size <= MAX_HEADER_BYTES:
                file.seek(begin + body)
                return begin + body, file.read(size)
            if kind == SEGMENT:
                begin += body
            elif kind == CLUSTER or size < 0:
                return None
            else:
                begin += body + size
    return None


SEGMENT = b"\x18\x53\x80\x67"
CLUSTER = b"\x1f\x43\xb6\x75"
TRACKS = b"\x16\x54\xae\x6b"
CRC = b"\xbf"
VOID = b"\xec"


def with_crc(content: bytes) -> bytes:
    """Returns the content of an element whose first child is a checksum, with the right one."""
    if content[:2] != CRC + b"\x84":
        return content
    return content[:2] + zlib.crc32(content[6:]).to_bytes(4, "little") + content[6:]
