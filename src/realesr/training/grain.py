"""Grain, taken out of the even areas of training images.

A network that learns from images with grain makes grain: dark walls and skies get a mottle that
their originals do not have. Textures must stay as they are.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.imaging.cleaning import denoise
from realesr.media.images.index import CleanImage

LEAST = 0.6
"""Grain that is left alone, levels: rounding alone makes 0.3."""
_MOST = 3.0
"""Stronger grain is taken for this, levels: an image without an even area has texture there."""
_BLOCK = 16
"""Side of the blocks of which the most even ones tell the grain, px."""
_SHARE = 0.1
"""Share of these blocks."""
_FEWEST = 20
"""Images with fewer blocks are left alone."""
_INSIDE = 12, 243
"""Mean levels of blocks that count: what is clipped has no grain, whatever the image has."""
_STRENGTH = 2.0
"""Deviation that the filter is told, in deviations of the grain. Grain of JPEG files is coarser
than white noise, and the mask keeps textures."""
_FINE, _COARSE, _AROUND = 1.5, 6.0, 7.0
"""Deviations of the Gaussian filters that tell texture from grain, px."""


def grain_deviation(image: CleanImage) -> float:
    """Estimates the grain by Immerkær's operator ("Fast noise variance estimation", 1996).

    It is taken block by block, and of the most even blocks the median. Unlike the median of
    coefficients it tells less than a level, in spite of the rounding.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        The deviation of the luma, levels; 0 for an image that is too small or clipped.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32) / 6
    noise = cv2.filter2D(luma, -1, kernel)
    smooth = _blocks(cv2.GaussianBlur(luma, (0, 0), 2))
    if not len(smooth):
        return 0.0
    means, activities = smooth.mean(axis=1), smooth.std(axis=1)
    inside = (means > _INSIDE[0]) & (means < _INSIDE[1])
    deviations, activities = _blocks(noise).std(axis=1)[inside], activities[inside]
    if len(deviations) < _FEWEST:
        return 0.0
    count = max(_FEWEST // 2, round(len(deviations) * _SHARE))
    return float(np.median(deviations[np.argsort(activities)[:count]]))


def without_grain(image: CleanImage) -> CleanImage:
    """Removes grain from even areas by non-local means, and leaves textures as they are.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        The same shape, uint8; the image itself if it has hardly any grain.
    """
    deviation = min(grain_deviation(image), _MOST)
    if deviation < LEAST:
        return image
    # In 8 bits, differences of a level or two are too coarse for the filter.
    fine = denoise(image.astype(np.uint16) * 257, _STRENGTH * deviation)
    cleaned = fine.astype(np.float32) / 257
    evenness = _evenness(image, deviation)[:, :, None]
    return np.rint(image + evenness * (cleaned - image)).astype(np.uint8)


def _evenness(image: CleanImage, deviation: float) -> NDArray[np.float32]:
    """Returns 1 where an image has nothing but grain, 0 where it has texture; (H, W) float32.

    Grain is white, nearly: of what lies between the fine and the coarse filter, an eighth of its
    deviation is left. Textures have far more.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    band = cv2.GaussianBlur(luma, (0, 0), _FINE) - cv2.GaussianBlur(luma, (0, 0), _COARSE)
    activity = np.sqrt(cv2.GaussianBlur(band * band, (0, 0), _AROUND))
    even = np.clip(2 - activity / (0.6 + 0.35 * deviation), 0, 1)
    return np.asarray(cv2.GaussianBlur(even, (0, 0), 2), np.float32)


def _blocks(values: NDArray[Any]) -> NDArray[Any]:
    """Returns the blocks of an image as rows; what is left over at its edges is left out."""
    rows, columns = (side // _BLOCK for side in values.shape)
    whole = values[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return whole.swapaxes(1, 2).reshape(-1, _BLOCK * _BLOCK)
