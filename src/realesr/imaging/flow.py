"""Optical flow between frames, and frames moved along it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Flow = NDArray[np.float32]
"""(H, W, 2): displacement to the right and down, px."""
MIN_SIDE = 16
"""Least side of a frame for optical flow, px."""


def optical_flow(now: NDArray[np.uint8], other: NDArray[np.uint8]) -> Flow:
    """Returns where each pixel of one frame lies in another one, (H, W, 2) px.

    OpenCV's DIS (Kroeger et al., 2016, arXiv 1603.03590), medium preset. The result does not depend
    on the number of threads.

    Args:
        now: (H, W) gray; both sides at least :data:`MIN_SIDE`.
        other: Frame of the same shape.
    """
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    start = np.zeros((*now.shape, 2), np.float32)
    return np.asarray(estimator.calc(now, other, start), dtype=np.float32)


def warped(other: NDArray[Any], flow: Flow) -> NDArray[Any]:
    """Fetches each pixel from where the flow says it lies in another frame, bilinearly."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(
            other, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
    )
