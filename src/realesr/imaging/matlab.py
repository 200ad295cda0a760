"""MATLAB's ``imresize`` with its default, the antialiased bicubic filter.

The low-resolution images of super-resolution data sets are customarily made by it. It differs from
Pillow's bicubic filter at borders, which it mirrors, and in 8 bits, where it rounds twice.

Keys, "Cubic convolution interpolation for digital image processing", 1981, equation 15 (a = -1/2);
the widening and the borders are those of MATLAB's documentation of ``imresize``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARPNESS = -0.5
"""Slope of the cubic kernel at 1 px (Keys' a): -0.5 in MATLAB and Pillow, -0.75 in OpenCV."""
_REACH = 2.0
"""Radius of the cubic kernel, px of the coarser image."""


def imresize(values: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Resizes an array along its first two axes.

    Args:
        values: (H, W) or (H, W, C). Integers are rounded and limited after each of the two passes,
            as MATLAB does; float32 and float64 are neither rounded nor limited.
        width: Of the result, px.
        height: Of the result, px.

    Returns:
        (height, width) or (height, width, C) of the same dtype.
    """
    rows, columns = (0, values.shape[0], height), (1, values.shape[1], width)
    # The axis that is reduced most comes first, in MATLAB and here; it saves work.
    order = sorted((rows, columns), key=lambda axis: axis[2] / axis[1])
    for axis, size, new_size in order:
        values = _along(values, axis, size, new_size)
    return values


def _along(values: NDArray[Any], axis: int, size: int, new_size: int) -> NDArray[Any]:
    if size == new_size:
        return values
    taps, weights = contributions(size, new_size)
    moved = np.moveaxis(values, axis, 0)
    total = np.zeros((new_size, *moved.shape[1:]))
    shape = (new_size,) + (1,) * (moved.ndim - 1)
    for tap, weight in zip(taps.T, weights.T, strict=True):
        total += moved[tap] * weight.reshape(shape)
    if np.issubdtype(values.dtype, np.integer):
        # MATLAB rounds halves away from zero.
        total = np.clip(np.floor(total + 0.5), 0, np.iinfo(values.dtype).max)
    return np.moveaxis(total.astype(values.dtype), 0, axis)


@lru_cache(maxsize=64)
def contributions(size: int, new_size: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Returns which pixels contribute to each new one, and how much; rows sum to 1.

    Args:
        size: Length of the axis, px.
        new_size: Its new length, px.

    Returns:
        Indices and weights, both (new_size, taps).
    """
    scale = new_size / size
    shrink = min(scale, 1.0)  # below 1, the kernel is widened
    centers = (np.arange(new_size) + 0.5) / scale - 0.5
    reach = _REACH / shrink
    first = np.floor(centers - reach).astype(np.intp)
    taps = first[:, None] + np.arange(math.ceil(2 * reach) + 2)
    weights = _cubic((centers[:, None] - taps) * shrink)
    used = (weights != 0).any(axis=0)
    weights = np.ascontiguousarray(weights[:, used])
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.concatenate([np.arange(size), np.arange(size)[::-1]])
    return mirrored[taps[:, used] % (2 * size)], weights


def _cubic(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    a = SHARPNESS
    far = np.abs(offsets)
    near = (a + 2) * far**3 - (a + 3) * far**2 + 1
    outer = a * far**3 - 5 * a * far**2 + 8 * a * far - 4 * a
    return np.asarray(np.where(far <= 1, near, np.where(far < _REACH, outer, 0.0)))
