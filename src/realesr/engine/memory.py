"""Memory needs of tiles, and settings of the C library's allocator."""

from __future__ import annotations

import ctypes
import math
import sys

from realesr.engine.device import kind_of
from realesr.models.architecture import NetworkProperties

FREE_MEMORY_FRACTION = {"cpu": 0.5, "cuda": 0.8, "mps": 0.5}
"""Fraction of the free memory that tiles may take, by device type. On a CPU and on MPS other
programs need the same memory."""
ACTIVATION_OVERHEAD = 2.5
"""Measured peak memory divided by counted activations, both per input px: 1.5 to 2.6 in float32 and
mixed precision on a CPU (oneDNN's copies in another layout, rounding of results, fragmentation)."""
MAX_CPU_TILE = 768
"""Largest side of a tile on a CPU, px. Larger tiles are not faster (the rate is flat from 84 px
on), an overlap of 32 px costs less than 18 %, and only memory would grow."""
MIN_TILE = 32
LARGE_RESULT = 2**30
"""Results above this size, bytes, dominate the memory use."""
MIN_TILE_OVERLAPS = 28
"""Ratio of tile side to overlap above which less than 15 % of the work is done twice."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_NEVER_TRIM = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tells glibc to reuse freed activations instead of unmapping and faulting them in again.

    On a CPU about half of a network's time is otherwise spent on page faults; results are
    bit-identical. Call it once, before the first large allocation. It has no effect with other C
    libraries.

    Returns:
        Whether the C library accepted the setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER_TRIM))


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
    """Returns the side of the largest tile that fits into the memory, px, without its overlap.

    Args:
        architecture: Properties of the network.
        itemsize: Size of an activation, bytes.
        device: Device of the network. On a CPU the side is limited to :data:`MAX_CPU_TILE`.
        overlap: Context around a tile, px.
        budget: Memory that tiles may take, bytes.
        batch: Number of tiles that are computed at the same time.
        result_bytes: Size of the result in host memory. On a CPU, tiles are smaller if the result
            is large.
    """
    pixel_bytes = ACTIVATION_OVERHEAD * architecture.peak_activations_per_pixel * itemsize * batch
    side = max(MIN_TILE, math.isqrt(int(budget / pixel_bytes)) - 2 * overlap)
    if kind_of(device) != "cpu":
        return side
    if result_bytes > LARGE_RESULT and overlap:
        side = min(side, MIN_TILE_OVERLAPS * overlap)
    return min(side, MAX_CPU_TILE)
