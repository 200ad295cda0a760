"""Keeps the C library from handing large buffers back to the system after every layer."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_NEVER_TRIM = 2**31 - 1


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
