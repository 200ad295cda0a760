"""From one bit depth to another, over the full range of both, rounding to nearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realesr.imaging.image import PixelDType


def to_depth(values: NDArray[np.float32], dtype: PixelDType) -> NDArray[np.unsignedinteger]:
    """Scales float values in [0, 1] to the full range of ``dtype``, clamps and rounds."""
    peak = np.iinfo(dtype).max
    levels = np.clip(np.rint(values * np.float32(peak)), 0, peak)
    return np.asarray(levels, dtype=dtype)


def convert_depth(
    levels: NDArray[np.unsignedinteger], dtype: PixelDType, *, bits: int | None = None
) -> NDArray[np.unsignedinteger]:
    """Maps integers in [0, 2^bits - 1] to the full range of ``dtype``.

    From 16 to 8 bits this divides by 257 and rounds; from 8 to 16 it multiplies by 257.

    Args:
        levels: Any shape, uint8 or uint16.
        dtype: uint8 or uint16.
        bits: Bits in use where that is not all of them: 10 and 12 of an AVIF image.
    """
    bits = bits or 8 * levels.dtype.itemsize
    if bits == 8 * dtype.itemsize:
        return levels.astype(dtype, copy=False)
    table = np.arange(2**bits) * (np.iinfo(dtype).max / (2**bits - 1))
    return np.asarray(np.rint(table).astype(dtype)[levels])
