"""Finds the parts of an image that are worth looking at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realesr.geometry import Region, Size
from realesr.imaging.image import Pixels


def most_detailed_regions(pixels: Pixels, size: Size, count: int = 1) -> list[Region]:
    """Finds regions with the most detail that do not overlap.

    Detail is the mean absolute difference of neighboring values, clipped at an eighth of white so
    that one hard edge does not outweigh a texture.

    Args:
        pixels: (H, W, 3), uint8 or uint16.
        size: Size of the regions, px; larger than the image, it is clipped.
        count: Largest number of regions.

    Returns:
        The regions, the one with the most detail first; fewer if there is no room.
    """
    height, width = pixels.shape[:2]
    size = Size(min(size.width, width), min(size.height, height))
    sums = _box_sums(_detail(pixels), size)
    found: list[Region] = []
    for _ in range(count):
        y, x = (int(index) for index in np.unravel_index(np.argmax(sums), sums.shape))
        if sums[y, x] < 0:
            break
        found.append(Region(x=x, y=y, size=size))
        top, left = max(0, y - size.height + 1), max(0, x - size.width + 1)
        sums[top : y + size.height, left : x + size.width] = -1
    return found


def _detail(pixels: Pixels) -> NDArray[np.float32]:
    """Returns the detail at each pixel, (H, W), 0 to 1."""
    gray = pixels.astype(np.float32).mean(axis=2) / np.float32(np.iinfo(pixels.dtype).max)
    across = np.abs(np.diff(gray, axis=1, append=gray[:, -1:]))
    down = np.abs(np.diff(gray, axis=0, append=gray[-1:]))
    return np.asarray(np.minimum(across + down, np.float32(1 / 8)))


def _box_sums(values: NDArray[np.float32], size: Size) -> NDArray[np.float64]:
    """Returns the sum over the box that begins at each pixel, (H - h + 1, W - w + 1)."""
    table = np.pad(values.cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))
    h, w = size.height, size.width
    sums: NDArray[np.float64] = table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w]
    return np.maximum(sums, 0)
