"""Flicker: how much of a video changes where nothing happens."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.metrics.psnr import Array, luma

STILL_LEVELS = 2.0
"""Largest change of the reference's luma that counts as none, 8-bit levels: rounding and coding."""
NEIGHBORHOOD = 9
"""Side of the square around a pixel that must be still, px."""


def flicker(frames: Iterable[Array], references: Iterable[Array]) -> float:
    """Returns the mean change of the luma from frame to frame on static parts, 8-bit levels.

    A pixel is static if the reference's luma changes by at most 2 levels in the 9x9 px around it.
    The references must be free of noise: with it, nothing is static. The definition is this
    project's own; :func:`~realesr.metrics.warping.warping_error` is a published measure.

    Args:
        frames: (H, W, 3) RGB, uint8 or uint16, full range; at least two.
        references: Original frames of the same size and number.

    Returns:
        The mean over all static pixels of all pairs, 0 and up; 0 is steady.

    Raises:
        ValueError: There are fewer than two frames, their numbers or sizes differ, or nothing is
            static.
    """
    total, count = 0.0, 0
    before: tuple[Array, Array] | None = None
    for frame, reference in zip(frames, references, strict=True):
        if frame.shape != reference.shape:
            raise ValueError(f"frames differ: {frame.shape} and {reference.shape}")
        now = luma(frame), luma(reference)
        if before is not None:
            static = _static(now[1] - before[1])
            total += float(np.abs(now[0] - before[0])[static].sum())
            count += int(static.sum())
        before = now
    if before is None or not count:
        raise ValueError("flicker needs two frames, and parts that do not change")
    return total / count


def _static(change: NDArray[np.float64]) -> NDArray[np.bool_]:
    moving = (np.abs(change) > STILL_LEVELS).astype(np.uint8)
    near = cv2.dilate(moving, np.ones((NEIGHBORHOOD, NEIGHBORHOOD), np.uint8))
    return np.asarray(np.asarray(near) == 0)
