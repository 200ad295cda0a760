"""What one picture becomes: smaller copies, sub-images, and low-resolution partners.

The numbers are those of Real-ESRGAN's ``docs/Training.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from realesr.imaging.matlab import imresize

Levels = NDArray[np.uint8]

FACTORS = (0.75, 0.5, 1 / 3)
"""Sizes of the smaller copies, along each side."""
SHORTEST_PX = 400
"""Shorter side of the smallest copy, px."""


def smaller_copies(pixels: Levels) -> Iterator[tuple[str, Levels]]:
    """Yields copies reduced by Lanczos, and what is appended to their names: T0 to T3.

    Copies that would not be smaller are left out.
    """
    height, width = pixels.shape[:2]
    sizes = [(int(width * factor), int(height * factor)) for factor in FACTORS]
    ratio = SHORTEST_PX / min(width, height)
    sizes.append((max(SHORTEST_PX, int(width * ratio)), max(SHORTEST_PX, int(height * ratio))))
    picture = PillowImage.fromarray(pixels)
    for number, size in enumerate(sizes):
        if 0 < min(size) < min(width, height):
            copy = picture.resize(size, PillowImage.Resampling.LANCZOS)
            yield f"T{number}", np.asarray(copy)


def sub_images(
    pixels: Levels, side: int, step: int, threshold: int
) -> Iterator[tuple[str, Levels]]:
    """Yields overlapping squares, and what is appended to their names: s001, s002, ...

    Args:
        pixels: (H, W, 3); a side that is shorter than the squares is taken whole.
        side: Of the squares, px.
        step: Distance of the squares, px.
        threshold: If more than this is left at the right or bottom edge, px, a last square is moved
            inwards to cover it.
    """
    number = 0
    for top in _starts(pixels.shape[0], side, step, threshold):
        for left in _starts(pixels.shape[1], side, step, threshold):
            number += 1
            yield f"s{number:03d}", pixels[top : top + side, left : left + side]


def _starts(length: int, side: int, step: int, threshold: int) -> list[int]:
    starts = list(range(0, length - side + 1, step)) or [0]
    if length - (starts[-1] + side) > threshold:
        starts.append(length - side)
    return starts


def cropped_to_multiple(pixels: Levels, multiple: int) -> Levels:
    """Cuts off what is left over at the right and bottom edges."""
    height, width = (side // multiple * multiple for side in pixels.shape[:2])
    return pixels[:height, :width]


def low_resolution(pixels: Levels, scale: int) -> Levels:
    """Reduces by MATLAB's bicubic filter; both sides are multiples of the scale."""
    return imresize(pixels, pixels.shape[1] // scale, pixels.shape[0] // scale)
