"""Memory: what is free, what a tile takes, and how to stop the C library from wasting it."""

from __future__ import annotations

import ctypes
import math
import sys
from pathlib import Path

import psutil

from realesr.engine.device import kind_of
from realesr.models.architecture import NetworkProperties

FREE_MEMORY_FRACTION = {"cpu": 0.5, "cuda": 0.8, "mps": 0.5}
"""How much of the free memory tiles may take. The rest of the machine needs some of the host's."""
MARGIN = 2.5
"""Measured peak over counted activations, both for each input px: 1.5 to 2.6 in float32 and mixed
precision on a CPU (oneDNN's copies in another layout, rounding of results, fragmentation)."""
MAX_CPU_TILE = 768
"""A CPU is not faster with larger tiles (the rate is flat from 84 px on), and overlap then costs
less than 18 % at 32 px; only memory would grow. On a GPU the memory is there to be used."""
MIN_TILE = 32
LARGE_RESULT = 2**30
"""From here on, bytes, a result is what fills the memory."""
FRUGAL_TILE = 28
"""Side of a tile, in overlaps, from which on less than 15 % of the work is done twice."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_NEVER_TRIM = 2**31 - 1
_CGROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    (
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)
"""Control groups, version 2 and 1: folder, limit, use, and what of the use can be given back."""


def keep_freed_memory() -> bool:
    """Tells glibc to reuse freed activations instead of unmapping and faulting them in again.

    On a CPU about half of a network's time is otherwise spent on page faults; results are
    bit-identical. Call it once, before the first large allocation. Harmless where the C library is
    not glibc.

    Returns:
        Whether the C library took the setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER_TRIM))


def free_host_bytes() -> int:
    """Memory of the host that can still be had, bytes."""
    return min(int(psutil.virtual_memory().available), _free_in_container())


def largest_tile(
    architecture: NetworkProperties,
    itemsize: int,
    device: str,
    overlap: int,
    *,
    budget: int,
    batch: int = 1,
    result_bytes: int = 0,
) -> int:
    """The side of the largest tile, without its overlap, that fits into the memory, px.

    Args:
        architecture: Of the network.
        itemsize: What a value takes that it computes with.
        device: Where: a CPU gets no larger tiles than make it faster.
        overlap: Context around a tile, px.
        budget: How much it may take, bytes.
        batch: How many tiles it gets at a time.
        result_bytes: What the result takes beside. On a CPU, a large one is not joined by large
            tiles.
    """
    pixel_bytes = MARGIN * architecture.peak_activations_per_pixel * itemsize * batch
    side = max(MIN_TILE, math.isqrt(int(budget / pixel_bytes)) - 2 * overlap)
    if kind_of(device) != "cpu":
        return side
    if result_bytes > LARGE_RESULT and overlap:
        side = min(side, FRUGAL_TILE * overlap)
    return min(side, MAX_CPU_TILE)


def _free_in_container() -> int:
    """What a container's limit leaves, pages of files that can go not counted."""
    for folder, limit, used, files in _CGROUPS:
        try:
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            room = int((folder / limit).read_text()) - int((folder / used).read_text())
            return max(0, room + int(stat[files]))
        except (OSError, ValueError, KeyError):  # no container, another version, or "max"
            continue
    return sys.maxsize
