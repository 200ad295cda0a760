"""The compiled part: convolutions, and the ways from pixels to features and back.

All arrays have channels innermost: (N, H, W, C).
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
"""Of the compiled part; it changes with the structures below."""
CHANNELS = 16
"""Convolutions take channels, in and out, in multiples of this number."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Of a container: microseconds of all cores together, and in which time."""
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
    """How many floats the compiled part computes at a time: 16, 8, or 0 where there is none."""
    try:
        library = _library()
        is_current = library.realesr_native_version() == VERSION
    except (OSError, AttributeError):
        return 0
    return int(library.realesr_native_lanes()) if is_current else 0


def default_threads() -> int:
    """One for each core that this process, or its container, may use; or what ``OMP_NUM_THREADS``
    says, which PyTorch heeds, too.
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

    So the convolution can use non-temporal stores.
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
    """A 3x3 convolution with stride 1 and zero padding 1.

    Args:
        features: (N, H, W, I); or of half the sides of ``out``, and every pixel counts for four.
        out: (N, H, W, O), where the result goes: must not share memory with ``features``, but may
            be other channels of the same array.
        weights: (36, I, O), transformed.
        bias: (O,).
        slopes: (O,), for negative results; None for no activation.
        residuals: At most two of the shape of ``out``, and what they are multiplied with: added
            after the activation. ``out`` itself may be one.
        threads: How many compute.

    Raises:
        MemoryError: There is not enough for what threads need.
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
    """Turns levels into numbers from 0 to 1, and unshuffles them.

    Args:
        pixels: (N, H * factor, W * factor, 3) uint8 or uint16.
        features: (N, H, W, C), in memory without gaps; channels beyond 3 * factor² become 0.
        factor: Of the pixel-unshuffle.
        threads: How many work at it.
    """
    task = _PixelReading(
        *(*features.shape[:3], factor, features.shape[3], _KINDS[pixels.dtype]),
        *(pixels.ctypes.data, _Strides.of(pixels), features.ctypes.data),
    )
    _library().realesr_read_pixels(ctypes.byref(task), threads)


def write_pixels(
    features: Features, out: NDArray[Any], *, base: Features | None, factor: int, threads: int
) -> bool:
    """Shuffles features to pixels, and rounds them where these are integers.

    Args:
        features: (N, H, W, C), C at least 3 * factor², by row, then column, then color.
        out: (N, H * factor, W * factor, 3) uint8 or uint16, clamped and rounded, or float32, as it
            is.
        base: (N, H, W, C), C at least 3: added to all pixels that a feature becomes.
        factor: Of the pixel-shuffle.
        threads: How many work at it.

    Returns:
        Whether all values are finite. Otherwise what was written is of no use.
    """
    task = _PixelWriting(
        *(*features.shape[:3], factor, _KINDS[out.dtype]),
        *(features.ctypes.data, _Strides.of(features)),
        *((None, _Strides()) if base is None else (base.ctypes.data, _Strides.of(base))),
        *(out.ctypes.data, _Strides.of(out)),
    )
    return not _library().realesr_write_pixels(ctypes.byref(task), threads)
