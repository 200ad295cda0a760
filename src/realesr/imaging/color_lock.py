"""The color lock: an upscaled image keeps the low frequencies of its input.

Networks shift colors by some levels, because their losses forgive it. One step of iterative
back-projection (Irani and Peleg, 1991) with a wide low-pass takes the shift away and leaves detail
alone: ``x + up(G * (y - down(x)))``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.imaging.image import Pixels

LUMA_SIGMA = 2.0
"""Standard deviation of the low-pass for brightness, px of the input."""
CHROMA_SIGMA = 8.0
"""The same for color. JPEG stores color in blocks of 16 px, whose differences a network removes and
a narrower low-pass would bring back."""
_COARSE_SIGMA = 2.0
"""Standard deviation of the low-pass for color on its grid, px of the grid."""
_PASSES = 3
_NEGLIGIBLE = 0.27
"""Mean shift that is left alone, levels of 255. More remains only where the correction would leave
the range: on paper-white drawings, whose lines take it in the next pass."""
_LARGEST = 2**15 - 16
_FRACTION_BITS = 4
_BAND_ROWS = 64
"""Rows of the input whose result is corrected at a time."""
TO_YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.168736, -0.331264, 0.5],
        [0.5, -0.418688, -0.081312],
    ],
    np.float32,
)
"""R'G'B' to Y'CbCr, ITU-R BT.601, as in JPEG (ITU-T T.871)."""
TO_RGB = np.linalg.inv(TO_YCC).astype(np.float32)
"""The way back."""


def lock_color(
    sr: Pixels,
    lr: Pixels,
    *,
    luma_sigma: float = LUMA_SIGMA,
    chroma_sigma: float = CHROMA_SIGMA,
) -> None:
    """Sets the low frequencies of an upscaled image to those of its input, in place.

    For 8 bits the correction is rounded to sixteenths of a level before it is upscaled: whole ones
    would put all of its steps on the borders of pixels, and so of JPEG's blocks. Memory beyond the
    images is some floats for each px of the input, and a band of the result.

    Args:
        sr: (H, W, 3) RGB, uint8 or uint16; H and W are multiples of h and w.
        lr: (h, w, 3) RGB, uint8 or uint16.
        luma_sigma: Standard deviation for brightness, px of the input.
        chroma_sigma: Standard deviation for color, px of the input.
    """
    for _ in range(_PASSES):
        _correct(sr, lr, luma_sigma, chroma_sigma)
        if _mean_shift(sr, lr) < _NEGLIGIBLE:
            break


def _mean_shift(sr: Pixels, lr: Pixels) -> float:
    """Returns the largest difference between the means of a channel, in levels of 255."""
    means = [np.array(cv2.mean(each)[:3]) * (255 / np.iinfo(each.dtype).max) for each in (sr, lr)]
    return float(np.abs(means[0] - means[1]).max())


def _correct(sr: Pixels, lr: Pixels, luma_sigma: float, chroma_sigma: float) -> None:
    """Adds the low frequencies of what an upscaled image lacks, in place."""
    height, width = lr.shape[:2]
    scale = sr.shape[0] // height
    levels = np.float32(np.iinfo(sr.dtype).max / np.iinfo(lr.dtype).max)
    small = cv2.resize(sr, (width, height), interpolation=cv2.INTER_AREA)
    difference = lr.astype(np.float32) * levels - small.astype(np.float32)
    shift = _low(difference, luma_sigma, chroma_sigma)
    bits = _FRACTION_BITS if sr.dtype == np.uint8 else 0
    # Larger corrections would not fit; no image has them.
    fine = np.clip(np.rint(shift * np.float32(2**bits)), -_LARGEST, _LARGEST).astype(np.int16)
    for top in range(0, height, _BAND_ROWS):
        _add_band(sr, fine, top, min(top + _BAND_ROWS, height), scale, bits)


def _low(
    difference: NDArray[np.float32], luma_sigma: float, chroma_sigma: float
) -> NDArray[np.float32]:
    """Returns the low frequencies of (h, w, 3), lower ones for color than for brightness.

    Color is blurred on a coarser grid, which a wide low-pass does not notice.
    """
    height, width = difference.shape[:2]
    ycc = cv2.transform(difference, TO_YCC)
    step = max(1, round(chroma_sigma / _COARSE_SIGMA))
    coarse = (max(1, width // step), max(1, height // step))
    chroma = cv2.resize(ycc[..., 1:], coarse, interpolation=cv2.INTER_AREA)
    chroma = cv2.GaussianBlur(chroma, (0, 0), chroma_sigma / step)
    ycc[..., 1:] = cv2.resize(chroma, (width, height), interpolation=cv2.INTER_LINEAR).reshape(
        height, width, 2
    )
    ycc[..., 0] = cv2.GaussianBlur(ycc[..., 0], (0, 0), luma_sigma)
    return np.asarray(cv2.transform(ycc, TO_RGB), np.float32)


def _add_band(
    sr: Pixels, shift: NDArray[np.int16], top: int, bottom: int, scale: int, bits: int
) -> None:
    """Adds the rows ``top`` to ``bottom`` of a shift, upscaled, to the upscaled image.

    Args:
        sr: The upscaled image.
        shift: (h, w, 3) in levels / 2^bits.
        top: First row of the band.
        bottom: Row after its last one.
        scale: Output px per input px.
        bits: Number of bits after the point.
    """
    first, last = max(0, top - 1), min(len(shift), bottom + 1)
    size = (shift.shape[1] * scale, (last - first) * scale)
    upscaled = cv2.resize(shift[first:last], size, interpolation=cv2.INTER_LINEAR)
    large: NDArray[np.int16] = np.asarray(upscaled, np.int16)
    large = large[(top - first) * scale : (bottom - first) * scale]
    if bits:
        large += 1 << (bits - 1)
        large >>= bits
    band = sr[top * scale : bottom * scale]
    depth = cv2.CV_8U if sr.dtype == np.uint8 else cv2.CV_16U
    cv2.add(band, large, dst=band, dtype=depth)
