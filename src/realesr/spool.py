"""Long lists of small records, which lie on the disk, and sets of many names, kept as hashes.

With both, what is known of a million files takes tens of megabytes of memory.
"""

from __future__ import annotations

import marshal
import tempfile
import weakref
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from realesr.errors import UnwritableMediaError
from realesr.reasons import reason_of

BLOCK = 256
"""Number of records that are written and read at a time."""
MEMORY_BYTES = 4 << 20
"""Size up to which a list stays in memory, bytes: some ten thousand files."""
_DIGEST_BYTES = 16
"""With 128 bits, among a million names two have one hash with a probability of 1.5e-27."""

Record = tuple[Any, ...]
"""Texts, numbers, bytes and None."""


class Spool:
    """A list of records that grows at its end.

    Its file has no name where the system allows that, so that no kill leaves it behind.
    """

    def __init__(self) -> None:
        file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 -- see below
        weakref.finalize(self, file.close)
        self._file = file
        self._places = array("Q")
        self._end = 0
        self._tail: list[Record] = []

    def __len__(self) -> int:
        return BLOCK * len(self._places) + len(self._tail)

    def __iter__(self) -> Iterator[Record]:
        return self.between(0, None)

    def between(self, start: int, stop: int | None) -> Iterator[Record]:
        """Yields the records of a range; several such iterators may go on side by side."""
        position = start
        while position < (len(self) if stop is None else stop):
            number, first = divmod(position, BLOCK)
            last = BLOCK if stop is None else min(BLOCK, stop - number * BLOCK)
            records = self._block(number)[first:last]
            position += len(records)
            yield from records

    def at(self, index: int) -> Record:
        """Returns one record, from 0."""
        return self._block(index // BLOCK)[index % BLOCK]

    def append(self, record: Record) -> None:
        """Adds a record.

        Raises:
            UnwritableMediaError: The disk of temporary files is full.
        """
        self._tail.append(record)
        if len(self._tail) == BLOCK:
            self._write(marshal.dumps(self._tail))
            self._tail = []

    def _write(self, data: bytes) -> None:
        try:
            self._file.seek(self._end)
            self._file.write(data)
        except OSError as error:
            raise UnwritableMediaError(
                f"the list of files does not fit into {tempfile.gettempdir()} "
                f"({reason_of(error)}): name another folder in the variable TMPDIR"
            ) from error
        self._places.append(self._end)
        self._end += len(data)

    def _block(self, number: int) -> list[Record]:
        if number == len(self._places):
            return self._tail
        start = self._places[number]
        is_last = number + 1 == len(self._places)
        end = self._end if is_last else self._places[number + 1]
        self._file.seek(start)
        # What is read was written here, to a file that others cannot open.
        records: list[Record] = marshal.loads(self._file.read(end - start))  # noqa: S302
        return records


def digest_of(name: str) -> bytes:
    """Returns what stands for a name: 16 bytes."""
    data = name.encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=_DIGEST_BYTES).digest()


class Digests:
    """A collection of names by :func:`digest_of`, 16 bytes each; one may be in it repeatedly."""

    def __init__(self) -> None:
        # Sorting one bucket after the other needs room for one.
        self._buckets: dict[int, bytearray] = {}
        self._unsorted: set[int] = set()

    def add(self, digest: bytes) -> None:
        """Adds a name."""
        number = digest[0]
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = bytearray()
        bucket += digest
        self._unsorted.add(number)

    def __contains__(self, digest: bytes) -> bool:
        bucket = self._sorted(digest[0])
        cells = range(0, len(bucket), _DIGEST_BYTES)
        place = bisect_left(cells, digest, key=lambda at: bytes(bucket[at : at + _DIGEST_BYTES]))
        return place < len(cells) and bucket.startswith(digest, cells[place])

    def repeated(self) -> set[bytes]:
        """Returns the names that are in it more than once."""
        found: set[bytes] = set()
        for number in self._buckets:
            cells = self._cells(number)
            found.update(one for one, other in pairwise(cells) if one == other)
        return found

    def shared(self, other: Digests) -> set[bytes]:
        """Returns the names that both have."""
        found: set[bytes] = set()
        for number in self._buckets.keys() & other._buckets.keys():
            found |= set(self._cells(number)).intersection(other._cells(number))
        return found

    def _cells(self, number: int) -> list[bytes]:
        bucket = bytes(self._sorted(number))
        places = range(0, len(bucket), _DIGEST_BYTES)
        return [bucket[place : place + _DIGEST_BYTES] for place in places]

    def _sorted(self, number: int) -> bytearray:
        bucket = self._buckets.get(number, bytearray())
        if number in self._unsorted:
            self._unsorted.discard(number)
            places = range(0, len(bucket), _DIGEST_BYTES)
            cells = sorted(bytes(bucket[place : place + _DIGEST_BYTES]) for place in places)
            bucket[:] = b"".join(cells)
        return bucket
