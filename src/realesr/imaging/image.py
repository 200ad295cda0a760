"""A picture in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realesr.geometry import Size

PixelDType = np.dtype[np.unsignedinteger]
"""uint8 or uint16."""
Pixels = NDArray[np.unsignedinteger]
"""(H, W, 3) RGB of a :data:`PixelDType`, in its full range."""

PIXEL_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


@dataclass(frozen=True, slots=True)
class Image:
    """A picture.

    Attributes:
        pixels: (H, W, 3) RGB, uint8 or uint16, the full range of its dtype.
        is_gray: Whether the picture has one channel; the three of ``pixels`` are then equal.

    Raises:
        ValueError: ``pixels`` has another shape or dtype.
    """

    pixels: Pixels
    is_gray: bool = False

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or not self.pixels.size:
            raise ValueError(f"pixels must be (H, W, 3), not {self.pixels.shape}")
        if self.pixels.dtype not in PIXEL_DTYPES:
            raise ValueError(f"pixels must be uint8 or uint16, not {self.pixels.dtype}")

    @property
    def size(self) -> Size:
        """Width and height in px."""
        height, width = self.pixels.shape[:2]
        return Size(width, height)
