"""Which inputs belong to one of several runs that share a folder without knowing of each other.

The part of a file follows from its name alone, so that no listing order and no other file matters.
"""

from __future__ import annotations

import zlib

Shard = tuple[int, int]
"""Number of a part, from 1, and the number of parts."""


def is_in_shard(name: str, shard: Shard | None) -> bool:
    """Returns whether a file belongs to a part.

    Args:
        name: Its path below the searched folder, with slashes. The suffix does not count: files
            that differ in it alone may get the same output name, and belong to one run.
        shard: The part; None for all.
    """
    if shard is None:
        return True
    folder, slash, last = name.rpartition("/")
    stem = last.rpartition(".")[0] or last
    # CRC-32 is the same everywhere and at any time, which Python's hash is not.
    key = f"{folder}{slash}{stem}".encode("utf-8", "surrogateescape")
    return zlib.crc32(key) % shard[1] == shard[0] - 1
