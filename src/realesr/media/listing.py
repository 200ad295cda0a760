"""What is in a folder, in order, however many names that is."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from pathlib import Path

from realesr.spool import BLOCK, Spool

RUN = 100 * BLOCK
"""Number of names that are sorted in memory; more are merged from the disk."""


class Kind(IntEnum):
    """What an entry of a folder is, as far as its listing tells."""

    FILE = 0
    FOLDER = 1
    LINK = 2
    OTHER = 3


def listed(
    folder: Path, is_taken: Callable[[str, Kind], bool] | None = None
) -> Iterator[tuple[str, Kind]]:
    """Returns the entries of a folder by name, each with its kind.

    Args:
        folder: The folder. It is listed before anything is returned.
        is_taken: Tells which entries are wanted; None for all.

    Raises:
        OSError: It cannot be listed.
        UnwritableMediaError: There are many names, and the disk of temporary files is full.
    """
    with os.scandir(folder) as entries:
        found = ((entry.name, _kind(entry)) for entry in entries)
        wanted = (each for each in found if is_taken is None or is_taken(*each))
        return ((name, Kind(kind)) for name, kind in in_order(wanted))


def _kind(entry: os.DirEntry[str]) -> Kind:
    """Returns what an entry is; most file systems tell it with the name."""
    try:
        if entry.is_file(follow_symlinks=False):
            return Kind.FILE
        if entry.is_dir(follow_symlinks=False):
            return Kind.FOLDER
        return Kind.LINK if entry.is_symlink() else Kind.OTHER
    except OSError:
        return Kind.OTHER


def in_order(entries: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Sorts entries by name: in runs, which are merged.

    Raises:
        UnwritableMediaError: There are many, and the disk of temporary files is full.
    """
    run: list[tuple[str, int]] = []
    runs = Spool()
    for entry in entries:
        run.append(entry)
        if len(run) == RUN:
            for name, number in sorted(run):
                runs.append((name, int(number)))
            run = []
    run.sort()
    if not len(runs):
        return iter(run)
    starts = range(0, len(runs), RUN)
    others = (runs.between(start, start + RUN) for start in starts)
    return heapq.merge(*others, run)
