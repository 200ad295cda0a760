"""Color shift: the difference between the mean colors of an image and its reference."""

from __future__ import annotations

import numpy as np

from realesr.metrics.psnr import Array, peak_of, require_rgb


def color_shift(upscaled: Array, reference: Array) -> float:
    """Returns the largest difference between the means of a channel, 8-bit levels.

    Args:
        upscaled: (H, W, 3) RGB, uint8 or uint16, full range.
        reference: Array of the same shape and dtype, e.g. the input upscaled by a plain filter.

    Raises:
        ValueError: Shapes or dtypes differ or are not supported.
    """
    if upscaled.shape != reference.shape or upscaled.dtype != reference.dtype:
        raise ValueError(
            f"images differ: {upscaled.shape} {upscaled.dtype} and "
            f"{reference.shape} {reference.dtype}"
        )
    require_rgb(upscaled)
    scale = 255 / peak_of(upscaled)
    means = (np.mean(each, axis=(0, 1), dtype=np.float64) for each in (upscaled, reference))
    first, second = means
    return float(np.max(np.abs(first - second)) * scale)
