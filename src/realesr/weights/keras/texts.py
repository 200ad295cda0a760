"""Texts in the attributes of an HDF5 file, read without its library.

For a text of any length, an attribute holds its length and its place in a heap. In a damaged file,
the library reserves that length, up to 4 GiB for each text, before it looks whether anything is
there, and may search a heap without end. What follows is bounded by the size of the file. Layout:
HDF5 file format specification 3.0, sections III.E, IV.A.1.a, IV.A.2.m and IV.A.2.q. Files in the
newest layout, which Keras does not write, are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap

from realesr.weights.limits import MAX_NAME

MAX_HEAP_BYTES = 4 * 2**20
"""Size of all heaps. The names of the largest published network take 100 KB."""
MAX_BLOCKS = 256
"""Number of pieces of the list of what belongs to a group."""

_HEADER = struct.Struct("<BxHII4x")
_MESSAGE = struct.Struct("<HHB3x")
_ATTRIBUTE = struct.Struct("<BxHHH")
_CONTINUATION = struct.Struct("<QQ")
_RECORD = struct.Struct("<IQI")
"""Length of a text, address of the heap, and number in the heap."""
_HEAP = struct.Struct("<4sB3xQ")
"""Signature, version and size of a heap."""
_OBJECT = struct.Struct("<HH4xQ")
"""Number of a text in a heap, how often it is referred to, and its size."""
_IS_ATTRIBUTE, _IS_CONTINUATION = 0x0C, 0x10


class Texts:
    """The texts of a file.

    Args:
        data: The whole file, or a map of it.
    """

    def __init__(self, data: bytes | mmap) -> None:
        self._data = data
        self._heaps: dict[int, dict[int, bytes]] = {}
        self._left_bytes = MAX_HEAP_BYTES

    def of_attribute(self, address: int, name: str, count: int) -> list[str]:
        """Returns the texts of an attribute.

        Args:
            address: Place of the group that has it.
            name: Its name.
            count: Number of its texts.

        Raises:
            ValueError: The attribute or a text is not found, or too long.
            struct.error: The file is cut off, or damaged.
        """
        texts = []
        for length, heap, number in _records(self._data, address, name, count):
            text = self._heap(heap).get(number, b"")
            if not 0 < length <= min(MAX_NAME, len(text)):
                raise ValueError(f"a name of {length} characters is not in the file, or too long")
            texts.append(text[:length].rstrip(b"\0").decode("utf-8"))
        return texts

    def _heap(self, address: int) -> dict[int, bytes]:
        if address in self._heaps:
            return self._heaps[address]
        if address >= len(self._data):
            raise ValueError("its names are beyond its end")
        signature, _, size = _HEAP.unpack_from(self._data, address)
        self._left_bytes -= size
        if signature != b"GCOL" or self._left_bytes < 0:
            raise ValueError("its names are damaged")
        found: dict[int, bytes] = {}
        at, end = address + _HEAP.size, min(address + size, len(self._data))
        while at + _OBJECT.size <= end:
            number, _, length = _OBJECT.unpack_from(self._data, at)
            at += _OBJECT.size
            if number == 0:  # the rest is free
                break
            found[number] = self._data[at : min(end, at + length)]
            at += -(-length // 8) * 8
        self._heaps[address] = found
        return found


def _records(
    data: bytes | mmap, address: int, name: str, count: int
) -> Iterator[tuple[int, int, int]]:
    """Returns the length, heap and number of each text of an attribute."""
    for body in _attributes(data, address):
        version, name_size, type_size, space_size = _ATTRIBUTE.unpack_from(body)
        at = _ATTRIBUTE.size + (version > 2)  # the third version has the set of characters
        if body[at : at + name_size].rstrip(b"\0") != name.encode():
            continue
        for size in (name_size, type_size, space_size):
            at += size if version > 1 else -(-size // 8) * 8
        records = body[at : at + count * _RECORD.size]
        if len(records) == count * _RECORD.size:
            return _RECORD.iter_unpack(records)
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
