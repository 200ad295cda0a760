"""Tells drawings from photographs by their even areas."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_FLAT = 3
_WEAK = 20


def flat_share(luma: NDArray[np.float64]) -> float:
    """Returns how much of what has no edges is even.

    In a drawing, most areas have one color; in a photograph, they have texture and noise. Of 21
    drawings 14 have 0.5 or more, without JPEG and with; of 60 photographs 5, which are synthetic
    slides and architecture.

    Args:
        luma: (H, W), 0 to 255.

    Returns:
        Pixels whose 3x3 neighbors differ by at most 3 levels, as a share of those whose neighbors
        differ by at most 20; 0 to 1.
    """
    window = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(luma, window) - cv2.erode(luma, window)
    weak = float((spread <= _WEAK).mean())
    return float((spread <= _FLAT).mean()) / weak if weak else 0.0
