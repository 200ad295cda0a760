"""Conversion of bit depths, over the full range of both, rounded to nearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realesr.imaging.image import PixelDType


def to_depth(values: NDArray[np.float32], dtype: PixelDType) -> NDArray[np.unsignedinteger]:
    """Scales float32 values in [0, 1], of any shape, to the full range of ``dtype``.

    Values are rounded to nearest and clamped. ``dtype`` is uint8 or uint16.
    """
    peak = np.iinfo(dtype).max
    levels = np.clip(np.rint(values * np.float32(peak)), 0, peak)
    return np.asarray(levels, dtype=dtype)


def convert_depth(
    levels: NDArray[np.unsignedinteger], dtype: PixelDType, *, bits: int | None = None
) -> NDArray[np.unsignedinteger]:
    """Maps integers in [0, 2^bits - 1] to the full range of ``dtype``.

    From 16 to 8 bits this divides by 257 and rounds; from 8 to 16 it multiplies by 257.

    Args:
        levels: Array of any shape, uint8 or uint16.
        dtype: Type of the result, uint8 or uint16.
        bits: Bits in use, e.g. 10 or 12 in AVIF; None for all bits of the type.

    Returns:
        Array of the same shape; ``levels`` itself if nothing changes.
    """
    bits = bits or 8 * levels.dtype.itemsize
    if bits == 8 * dtype.itemsize:
        return levels.astype(dtype, copy=False)
    table = np.arange(2**bits) * (np.iinfo(dtype).max / (2**bits - 1))
    return np.asarray(np.rint(table).astype(dtype)[levels])
