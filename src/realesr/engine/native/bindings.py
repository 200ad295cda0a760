"""Bindings of the C++ library: convolutions, and conversions between pixels and features.

All arrays are (N, H, W, C): channels are innermost.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
from numpy.typing import NDArray

from realesr.imaging.image import Pixels
from realesr.options import MAX_THREADS

Features = NDArray[np.float32]

LIBRARY = Path(__file__).with_name("realesr_native.so")
VERSION = 2
"""Version of the C++ library's interface; it changes with the structures below."""
CHANNELS = 16
"""Input and output channels of a convolution are multiples of this number."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""CPU quota of a container: microseconds of all cores together, and the period."""
_RESIDUALS = 2
_LINE = 16
_KINDS = {np.dtype(dtype): kind for kind, dtype in enumerate((np.float32, np.uint8, np.uint16))}


class _Strides(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ssize_t) for name in ("image", "row", "pixel")]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        *outer, inner = (stride // values.itemsize for stride in values.strides)
        if inner != 1 and values.shape[-1] > 1:
            raise ValueError("channels must lie side by side")
        return cls(*outer)


class _Residual(ctypes.Structure):
    _fields_ = [("values", ctypes.c_void_p), ("strides", _Strides), ("gain", ctypes.c_float)]

    @classmethod
    def of(cls, values: Features, gain: float) -> Self:
        return cls(values.ctypes.data, _Strides.of(values), gain)


class _Convolution(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("images", "height", "width")),
        *((name, ctypes.c_int) for name in ("channels_in", "channels_out", "upsample_input")),
        ("input", ctypes.c_void_p),
        ("input_strides", _Strides),
        *((name, ctypes.c_void_p) for name in ("weights", "bias", "slopes")),
        ("residuals", _Residual * _RESIDUALS),
        ("output", ctypes.c_void_p),
        ("output_strides", _Strides),
    ]


class _PixelReading(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("images", "height", "width")),
        *((name, ctypes.c_int) for name in ("factor", "channels", "kind")),
        ("pixels", ctypes.c_void_p),
        ("pixel_strides", _Strides),
        ("features", ctypes.c_void_p),
    ]


class _PixelWriting(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("images", "height", "width", "factor", "kind")),
        ("features", ctypes.c_void_p),
        ("feature_strides", _Strides),
        ("base", ctypes.c_void_p),
        ("base_strides", _Strides),
        ("pixels", ctypes.c_void_p),
        ("pixel_strides", _Strides),
    ]


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(str(LIBRARY))


@cache
def lanes() -> int:
    """Returns the vector length of the C++ library, floats: 16, 8, or 0 without a library."""
    try:
        library = _library()
        is_current = library.realesr_native_version() == VERSION
    except (OSError, AttributeError):
        return 0
    return int(library.realesr_native_lanes()) if is_current else 0


def default_threads() -> int:
    """Returns the default number of threads: one per core that this process may use.

    ``OMP_NUM_THREADS`` overrides it, as in PyTorch. A container's CPU quota limits it.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wanted.isdecimal() and int(wanted):
        return min(int(wanted), MAX_THREADS)
    allowed = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):  # no container, another version, or "max"
        share, period = map(int, _QUOTA.read_text().split())
        allowed = min(allowed, max(1, math.ceil(share / period)))
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


def aligned_empty(*shape: int) -> Features:
    """Returns an uninitialized array aligned to a 64-byte cache line.

    The alignment lets the convolution use non-temporal stores.
    """
    count = math.prod(shape)
    values = np.empty(count + _LINE, np.float32)
    start = -(values.ctypes.data // values.itemsize) % _LINE
    return values[start : start + count].reshape(shape)


def convolve(
    features: Features,
    out: Features,
    *,
    weights: Features,
    bias: Features,
    slopes: Features | None,
    residuals: Sequence[tuple[Features, float]],
    threads: int,
) -> None:
    """Computes a 3x3 convolution with stride 1 and zero padding 1, in float32.

    Args:
        features: (N, H, W, I), or (N, H / 2, W / 2, I), which is upsampled by nearest neighbor.
        out: (N, H, W, O), receives the result. It must not overlap ``features``, but may be other
            channels of the same array.
        weights: (36, I, O), transformed for Winograd's F(4x4, 3x3).
        bias: (O,).
        slopes: (O,), factors on negative results; None for no activation.
        residuals: At most two pairs of an array of the shape of ``out`` and its factor. They are
            added after the activation. ``out`` itself may be one of them.
        threads: Number of threads.

    Raises:
        MemoryError: There is no memory for the threads' workspaces.
    """
    count, height, width, channels = out.shape
    task = _Convolution(
        *(count, height, width, features.shape[-1], channels),
        int(features.shape[1:3] != (height, width)),
        *(features.ctypes.data, _Strides.of(features)),
        *(weights.ctypes.data, bias.ctypes.data),
        None if slopes is None else slopes.ctypes.data,
        (_Residual * _RESIDUALS)(*(_Residual.of(*residual) for residual in residuals)),
        *(out.ctypes.data, _Strides.of(out)),
    )
    if _library().realesr_convolve(ctypes.byref(task), threads, lanes()):
        raise MemoryError("no memory for a convolution")


def read_pixels(pixels: Pixels, features: Features, *, factor: int, threads: int) -> None:
    """Converts pixels to floats in [0, 1] and applies a pixel-unshuffle.

    Args:
        pixels: (N, H * factor, W * factor, 3) uint8 or uint16.
        features: (N, H, W, C) float32, contiguous, receives the result. Channels beyond
            3 * factor² become 0.
        factor: Factor of the pixel-unshuffle.
        threads: Number of threads.
    """
    task = _PixelReading(
        *(*features.shape[:3], factor, features.shape[3], _KINDS[pixels.dtype]),
        *(pixels.ctypes.data, _Strides.of(pixels), features.ctypes.data),
    )
    _library().realesr_read_pixels(ctypes.byref(task), threads)


def write_pixels(
    features: Features, out: NDArray[Any], *, base: Features | None, factor: int, threads: int
) -> bool:
    """Applies a pixel-shuffle to features and converts them to pixels.

    Args:
        features: (N, H, W, C), C at least 3 * factor², ordered by row, then column, then color.
        out: (N, H * factor, W * factor, 3), receives the result: uint8 or uint16, clamped and
            rounded, or float32, unchanged.
        base: (N, H, W, C), C at least 3: added to all pixels of a feature; None for nothing.
        factor: Factor of the pixel-shuffle.
        threads: Number of threads.

    Returns:
        Whether all values are finite. Otherwise ``out`` is undefined.
    """
    task = _PixelWriting(
        *(*features.shape[:3], factor, _KINDS[out.dtype]),
        *(features.ctypes.data, _Strides.of(features)),
        *((None, _Strides()) if base is None else (base.ctypes.data, _Strides.of(base))),
        *(out.ctypes.data, _Strides.of(out)),
    )
    return not _library().realesr_write_pixels(ctypes.byref(task), threads)
