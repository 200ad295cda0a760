"""Color blocks: the borders that JPEG with halved chroma leaves in Cb and Cr."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realesr.metrics.psnr import Array, peak_of, require_rgb

BLOCK = 16
"""Side of a block of 8x8 chroma samples, each of which covers 2x2 px."""


@dataclass(frozen=True, slots=True)
class ColorBlocks:
    """Steps of Cb and Cr between neighboring pixels of the input.

    Attributes:
        ratio: Mean step at borders of blocks, divided by the mean step elsewhere; 1 is no blocks.
        excess: The difference of the two, levels; 0 is no blocks.
    """

    ratio: float
    excess: float


def color_blocks(image: Array, scale: int, block: int = BLOCK) -> ColorBlocks:
    """Measures the color blocks of the input that are left in a result.

    Cb and Cr (BT.601, full range) are averaged over the ``scale`` x ``scale`` px that stand for a
    pixel of the input. A step is the absolute difference of neighbors. Those between the pixels
    ``block n - 1`` and ``block n`` of a row or a column lie at a border. The definition is this
    project's own.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16, full range. The blocks begin at its corner.
        scale: Px of the image for one px of the input, along each side.
        block: Side of a block, px of the input.

    Raises:
        ValueError: Shape or dtype is not supported, or the image has no border of blocks.
    """
    require_rgb(image)
    height, width = (side // scale for side in image.shape[:2])
    if min(height, width) <= block:
        raise ValueError(f"{image.shape[:2]} px have no border of blocks of {scale * block} px")
    levels = image[: height * scale, : width * scale] * (255 / peak_of(image))
    small = levels.reshape(height, scale, width, scale, 3).mean(axis=(1, 3))
    red, green, blue = np.moveaxis(small, 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    borders, others = [], []
    for chroma in (0.564 * (blue - luma), 0.713 * (red - luma)):
        for plane in (chroma, chroma.T):
            steps: NDArray[np.float64] = np.abs(np.diff(plane, axis=1))
            is_border = np.arange(1, steps.shape[1] + 1) % block == 0
            borders.append(steps[:, is_border].ravel())
            others.append(steps[:, ~is_border].ravel())
    border, other = (float(np.concatenate(each).mean()) for each in (borders, others))
    return ColorBlocks(border / other if other else 1.0, border - other)
