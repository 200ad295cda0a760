"""A check of texts in the attributes of an HDF5 file, before the library reads them.

For a text of any length, an attribute holds its length and its place. The library reserves that
length, up to 4 GiB for each text, before it looks whether anything is there. The lengths are
therefore looked at in the file itself (HDF5 file format specification 3.0, sections IV.A.1.a,
IV.A.2.m and IV.A.2.q). Files in the newest layout, which Keras does not write, are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap

MAX_BLOCKS = 256
"""Number of pieces of the list of what belongs to a group."""

_HEADER = struct.Struct("<BxHII4x")
_MESSAGE = struct.Struct("<HHB3x")
_ATTRIBUTE = struct.Struct("<BxHHH")
_CONTINUATION = struct.Struct("<QQ")
_RECORD = struct.Struct("<IQI")
"""Length of a text, address of the heap, and number in the heap."""
_IS_ATTRIBUTE, _IS_CONTINUATION = 0x0C, 0x10


def longest_text(data: bytes | mmap, address: int, name: str, count: int) -> int:
    """Returns the length of the longest text of an attribute, as the file says.

    Args:
        data: The whole file, or a map of it.
        address: Place of the group that has the attribute.
        name: Name of the attribute.
        count: Number of its texts.

    Raises:
        ValueError: The attribute is not found.
        struct.error: The file is cut off, or damaged.
    """
    for body in _attributes(data, address):
        version, name_size, type_size, space_size = _ATTRIBUTE.unpack_from(body)
        at = _ATTRIBUTE.size + (version > 2)  # the third version has the set of characters
        if body[at : at + name_size].rstrip(b"\0") != name.encode():
            continue
        for size in (name_size, type_size, space_size):
            at += size if version > 1 else -(-size // 8) * 8
        records = body[at : at + count * _RECORD.size]
        if len(records) == count * _RECORD.size:
            return max((length for length, _, _ in _RECORD.iter_unpack(records)), default=0)
    raise ValueError("its names are stored in a way that Keras 2 does not use")


def _attributes(data: bytes | mmap, address: int) -> Iterator[bytes]:
    """Yields the attributes of an object."""
    version, _, _, size = _HEADER.unpack_from(data, address)
    if version != 1:
        return
    blocks = [(address + _HEADER.size, size)]
    for start, size in blocks:
        at, end = start, min(start + size, len(data))
        while at + _MESSAGE.size <= end:
            kind, length, _ = _MESSAGE.unpack_from(data, at)
            body = data[at + _MESSAGE.size : at + _MESSAGE.size + length]
            if kind == _IS_ATTRIBUTE:
                yield body
            elif kind == _IS_CONTINUATION and len(blocks) < MAX_BLOCKS:
                blocks.append(_CONTINUATION.unpack_from(body))
            at += _MESSAGE.size + length
