"""Samples of any type to unsigned integers of 8 or 16 bits over the full range."""

from __future__ import annotations

from typing import Any

import numpy as np

from realesr.imaging.depth import convert_depth
from realesr.imaging.image import PixelDType, Pixels, Plane
from realesr.media.images.decoders.colors import row_bands
from realesr.progress import Notice, Notify

Samples = np.ndarray[Any, np.dtype[Any]]

PEAK = 65_535
_HALF_LEVEL = 0.5 / PEAK


def dtype_of(bits: int) -> PixelDType:
    """Returns the dtype of pixels of that many bits a channel."""
    return np.dtype(np.uint8) if bits <= 8 else np.dtype(np.uint16)


def to_full_range(samples: Samples, bits: int, notify: Notify) -> Samples:
    """Maps integers or floats to the full range of uint8 or uint16.

    Args:
        samples: (H, W) or (H, W, C), of any integer or float dtype.
        bits: Bits of an integer in use; unused ones are the high ones, and zero.
        notify: Receives a notice if the values were shifted, scaled or clipped.

    Returns:
        uint8 for integers of up to 8 bits, else uint16; the same shape.
    """
    if samples.dtype.kind == "f":
        return float_levels(samples, notify)
    if samples.dtype.kind == "b":
        return samples.astype(np.uint8) * 255
    if samples.dtype.kind == "i":
        low = -(2 ** (bits - 1))
        notify(
            Notice(
                "values-mapped",
                f"signed values: {low} became black, and {-low - 1} white",
            )
        )
        unsigned = samples.view(np.dtype(f"u{samples.dtype.itemsize}"))
        # Flipping the highest bit of a two's complement adds half the range.
        samples = (unsigned & (2**bits - 1)) ^ (2 ** (bits - 1))
    if bits <= 16:
        dtype = dtype_of(bits)
        return convert_depth(samples.astype(dtype, copy=False), dtype, bits=bits)
    levels = np.empty(samples.shape, np.uint16)
    for rows in row_bands(*samples.shape[:2]):
        levels[rows] = np.rint(samples[rows] * (PEAK / (2**bits - 1)))
    return levels


def float_levels(samples: Samples, notify: Notify) -> Samples:
    """Maps floats to uint16; 0 is black and 1 is white, and the tone is left as it is.

    What lies outside is clipped, as viewers do. If most values are above 1, the file does not count
    from 0 to 1, and its largest value becomes white.

    Args:
        samples: (H, W) or (H, W, C) without alpha, any float dtype.
        notify: Receives a notice if anything lies outside of [0, 1].

    Returns:
        uint16, the same shape.
    """
    finite = np.isfinite(samples)
    is_finite = bool(finite.all())
    known = samples if is_finite else samples[finite]
    scale = 1.0
    if known.size:
        scale = _report_range(known, samples.size, notify)
    levels = np.empty(samples.shape, np.uint16)
    for rows in row_bands(*samples.shape[:2]):
        band = samples[rows].astype(np.float64) / scale
        levels[rows] = np.rint(np.clip(np.nan_to_num(band, posinf=1, neginf=0), 0, 1) * PEAK)
    return levels


def alpha_levels(alpha: Samples) -> Plane:
    """Maps an alpha of floats to uint16, clipped to [0, 1]."""
    shares = np.clip(np.nan_to_num(alpha.astype(np.float64)), 0, 1)
    return np.asarray(np.rint(shares * PEAK).astype(np.uint16))


def _report_range(known: Samples, count: int, notify: Notify) -> float:
    """Returns the value that becomes white, and gives notice of what is done."""
    least, most = float(known.min()), float(known.max())
    above = np.count_nonzero(known > 1 + _HALF_LEVEL)
    below = np.count_nonzero(known < -_HALF_LEVEL)
    if above > known.size / 2:
        notify(
            Notice("values-mapped", f"most values are above 1: the largest, {most:g}, became white")
        )
        return most
    outside = above + below + count - known.size
    if outside:
        notify(
            Notice(
                "values-mapped",
                f"{outside / count:.2%} of the values are outside of 0 to 1 and were clipped: "
                f"they reach from {least:g} to {most:g}",
            )
        )
    return 1.0


def unpremultiply(pixels: Pixels, alpha: Plane) -> Pixels:
    """Divides premultiplied colors by their alpha.

    Args:
        pixels: (H, W, 3) uint8 or uint16.
        alpha: (H, W) of the same dtype.

    Returns:
        (H, W, 3) of the same dtype; where alpha is 0, colors stay as they are, clipped.
    """
    peak = int(np.iinfo(pixels.dtype).max)
    result = np.empty_like(pixels)
    for rows in row_bands(*alpha.shape):
        divisor = np.maximum(alpha[rows], 1)[..., None].astype(np.float32)
        result[rows] = np.minimum(np.rint(pixels[rows] * (peak / divisor)), peak)
    return result
