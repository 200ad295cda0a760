"""The color of a JPEG, smoothed along the edges of the luma as far as the file leaves it open.

JPEG stores color coarsely: often at half the resolution, and in blocks of 8x8 samples whose
coefficients are rounded to multiples of large steps. What is seen are squares, each of one color. A
guided filter (He et al., 2013) whose guide is the luma takes them out; but it would also smooth
color that the file holds. So each coefficient stays near the one in the file, as in decoders that
project onto what the quantization allows (Zakhor, 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 8
"""Side of a block, samples."""
SUBSAMPLING = 2
"""Px along each side for one of the planes whose windows are averaged (He and Sun, 2015)."""
RADIUS = 2
"""Radius of the guided filter's windows, in px of those planes."""
FLATNESS = 50.0
"""Regularization of the guided filter, levels squared: the larger, the fewer edges count."""
SHARE = 0.2
"""Largest change of a coefficient, quantization steps. A rounded one may be off by 0.5; with more
than this share of it the error of color grows again."""
FINE_STEP, COARSE_STEP = 2.0, 12.0
"""Steps of the mean color of a block up to which nothing is done, and from which on all is done:
quality 95 and 65 of libjpeg. Between them networks do better with a part of it."""
_BAND = 512
"""Height of the bands that are computed at a time, px; more takes more memory."""

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChromaCoding:
    """How a JPEG stores one of Cb and Cr.

    Attributes:
        steps: (8, 8) quantization steps, levels; the first is that of the mean.
        across, down: Px of the image for one sample.
    """

    steps: NDArray[np.float32]
    across: int
    down: int

    @property
    def strength(self) -> float:
        """Share of the smoothing that is done, 0 to 1."""
        share = (float(self.steps[0, 0]) - FINE_STEP) / (COARSE_STEP - FINE_STEP)
        return min(max(share, 0.0), 1.0)


def smooth_chroma(
    pixels: NDArray[np.uint8], cb: ChromaCoding, cr: ChromaCoding
) -> NDArray[np.uint8]:
    """Smooths Cb and Cr (BT.601, full range) of a decoded JPEG; the luma stays.

    Args:
        pixels: (H, W, 3) RGB as decoded, the first block in its corner.
        cb: How the file stores Cb.
        cr: How it stores Cr.

    Returns:
        (H, W, 3) RGB.
    """
    codings = (cb, cr)
    if not any(each.strength for each in codings):
        return pixels
    height, width = pixels.shape[:2]
    row, column = (
        SIDE * math.lcm(SUBSAMPLING, *each)
        for each in ([c.down for c in codings], [c.across for c in codings])
    )
    # What lies outside of a band reaches it through the filter and the blocks at its borders.
    reach = SUBSAMPLING * (2 * RADIUS + 2) + row
    halo = -(-reach // row) * row
    band = max(1, _BAND // row) * row
    result = np.empty_like(pixels)
    for top in range(0, height, band):
        first, bottom = max(0, top - halo), min(height, top + band)
        last = min(height, bottom + halo)
        padded = cv2.copyMakeBorder(
            pixels[first:last], 0, -(last - first) % row, 0, -width % column, cv2.BORDER_REPLICATE
        )
        result[top:bottom] = _smooth(padded, codings)[top - first : bottom - first, :width]
    return result


def _smooth(pixels: NDArray[Any], codings: tuple[ChromaCoding, ChromaCoding]) -> NDArray[np.uint8]:
    red, green, blue = (each.astype(np.float32) for each in cv2.split(pixels))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    guide = _Guide(luma)
    cb = _change((blue - luma) / 1.772, guide, codings[0])
    cr = _change((red - luma) / 1.402, guide, codings[1])
    red += 1.402 * cr
    green -= 0.344136 * cb + 0.714136 * cr
    blue += 1.772 * cb
    merged = cv2.merge([red, green, blue])
    return np.rint(np.clip(merged, 0, 255, out=merged), out=merged).astype(np.uint8)


class _Guide:
    """The luma, and its moments in each window."""

    def __init__(self, luma: Plane) -> None:
        self._luma = luma - 128.0
        self._small = _reduced(self._luma)
        self._mean = _mean(self._small)
        self._variance = _mean(self._small * self._small) - self._mean * self._mean

    def smoothed(self, plane: Plane) -> Plane:
        """Returns a plane as a locally linear function of the luma (equations 5 to 8)."""
        small = _reduced(plane)
        mean = _mean(small)
        covariance = _mean(self._small * small) - self._mean * mean
        slope = covariance / (self._variance + np.float32(FLATNESS))
        offset = _mean(mean - slope * self._mean)
        height, width = self._luma.shape
        factor, shift = (_enlarged(each, height, width) for each in (_mean(slope), offset))
        return factor * self._luma + shift


def _reduced(plane: Plane, down: int = SUBSAMPLING, across: int = SUBSAMPLING) -> Plane:
    """Averages areas; sides are multiples of the factors."""
    size = plane.shape[1] // across, plane.shape[0] // down
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _enlarged(plane: Plane, height: int, width: int) -> Plane:
    large = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def _mean(plane: NDArray[Any]) -> Plane:
    side = 2 * RADIUS + 1
    return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT_101), np.float32)


def _change(plane: Plane, guide: _Guide, coding: ChromaCoding) -> Plane:
    """Returns what is added to a plane of color."""
    wanted = guide.smoothed(plane) - plane
    return np.float32(coding.strength) * (wanted - _forbidden(wanted, coding))


def _forbidden(change: Plane, coding: ChromaCoding) -> Plane:
    """Returns the part of a change that would move coefficients too far."""
    samples = _reduced(change, coding.down, coding.across)
    coefficients = _blockwise(samples, _DCT)
    rows, columns = (side // SIDE for side in samples.shape)
    limits = np.tile(np.float32(SHARE) * coding.steps, (rows, columns))
    rest = _blockwise(coefficients - np.clip(coefficients, -limits, limits), _DCT.T)
    return _enlarged(rest, *change.shape)


def _blockwise(plane: Plane, matrix: NDArray[np.float32]) -> Plane:
    """Multiplies the columns and the rows of each block by a matrix."""
    rows, columns = plane.shape
    down = matrix @ plane.reshape(rows // SIDE, SIDE, columns)
    across = down.reshape(rows, columns // SIDE, SIDE) @ matrix.T
    return np.asarray(across.reshape(rows, columns), np.float32)


def _dct() -> NDArray[np.float32]:
    """Returns the matrix of the discrete cosine transform (ITU-T T.81, A.3.3)."""
    index = np.arange(SIDE)
    matrix = np.cos((2 * index + 1) * index[:, None] * np.pi / (2 * SIDE)) / 2
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


_DCT = _dct()
