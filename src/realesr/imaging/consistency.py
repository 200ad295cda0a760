"""Consistency: an upscaled image that is reduced again becomes its input, but for its noise.

Iterative back-projection (Irani and Peleg, "Improving resolution by image registration", 1991):
``x + up(y - down(x))``, several times. What a network has removed comes back with it, noise as well
as detail. So a difference within a tolerance is left alone, as in the projection onto convex sets
(Stark and Oskoui, "High-resolution image recovery from image-plane arrays", 1989).

All iterations are done at the size of the input: with ``x = x0 + up(c)``, the next correction only
needs ``down(up(c))``, which is a filter of a few px. The result is read once and written once, band
by band, and limited to its range at the end only.

Only luma is corrected. Most files and all videos store color at half the size; what a network makes
sharp of it would become blurred again, a halo beside every colored edge. The low frequencies of
color are those of the input by the color lock.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.imaging.image import Pixels, Plane

Values = NDArray[np.float32]

_LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)
"""Weights of R, G and B, ITU-R BT.601."""
_ITERATIONS = 3
"""More gain nothing on photographs with JPEG of quality 95, and little on clean ones."""
_TOLERANCE = 2.0
"""Tolerance, in deviations of the noise."""
_QUIET = 4.0
"""Squared gradient below which a place counts as quiet, squared levels per squared px."""
_NOISE_SIGMA = 4.0
"""Standard deviation of the window in which the noise is measured, px of the input."""
_NOISE_RADIUS = 16
"""Radius of that window, px."""
_MARGIN = _NOISE_RADIUS + 2 * _ITERATIONS + 4
"""Rows around a band that its correction depends on, px of the input."""
_BAND_ROWS = 64
"""Rows of the input whose result is computed at a time."""
_CLEAN, _NOISY = 1.75, 2.5
"""Median noise up to which the whole correction is made, and from which on none is, levels of 255.
At light damage (JPEG 95) and below it is 0.6 to 2.1 for nearly all pictures, at heavy damage (noise
of 10 levels, JPEG 40) 2.7 to 7."""


def make_consistent(sr: Pixels, lr: Pixels, amount: float, *, alpha: Plane | None = None) -> float:
    """Moves an upscaled image towards those that its input could be a reduction of, in place.

    Memory beyond the images is some bytes for each px of the input, and some bands.

    Args:
        sr: (H, W, 3) RGB, uint8 or uint16; H and W are multiples of h and w.
        lr: (h, w, 3) RGB, uint8 or uint16.
        amount: Share of the correction, 0 to 1.
        alpha: (h, w) of the input; noise is not measured where it is 0. None for an opaque image.

    Returns:
        The share of ``amount`` that was used: 1 for a clean input, 0 for a noisy one.
    """
    reduced = _reduced(sr, len(lr))
    share = _share_of(_median_noise(reduced, lr, alpha))
    if share * amount > 0:
        scale = len(sr) // len(lr)
        for top in range(0, len(lr), _BAND_ROWS):
            bottom = min(top + _BAND_ROWS, len(lr))
            _correct_band(sr, lr, reduced, (top, bottom), scale, share * amount)
    return share


def _reduced(sr: Pixels, height: int) -> Values:
    """Returns luma, (h, w) in levels of 255: the means of blocks of an upscaled image."""
    scale = len(sr) // height
    reduced = np.empty((height, sr.shape[1] // scale), np.float32)
    for top in range(0, height, _BAND_ROWS):
        band = _luma(sr[top * scale : (top + _BAND_ROWS) * scale])
        size = (reduced.shape[1], len(band) // scale)
        reduced[top : top + _BAND_ROWS] = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
    return reduced


def _luma(pixels: Pixels) -> Values:
    """Returns the luma of pixels, (rows, w) in levels of 255."""
    factor = np.float32(255 / np.iinfo(pixels.dtype).max)
    luma = cv2.transform(pixels.astype(np.float32), _LUMA * factor)
    return np.asarray(luma, np.float32).reshape(pixels.shape[:2])


def _difference(reduced: Values, lr: Pixels, rows: slice) -> Values:
    """Returns what the luma of an upscaled image lacks, (rows, w) in levels of 255."""
    return np.asarray(_luma(lr[rows]) - reduced[rows], np.float32)


def _noise(difference: Values, luma: Values) -> Values:
    """Measures noise around each px: the difference between input and result in quiet places.

    At edges, a network differs from the input because it draws them in another way; where the
    result is even, it has removed noise or blocks of JPEG. The finest wavelets of the input itself,
    the customary measure, cannot tell: texture of a small clean image has more of them than a
    noisy image that went through JPEG.

    Args:
        difference: (h, w) difference between input and reduced result, levels of 255.
        luma: (h, w) luma of the reduced result, levels of 255.

    Returns:
        (h, w) standard deviations.
    """
    gradients = [
        cv2.Sobel(luma, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1))
    ]
    activity = cv2.blur(gradients[0] ** 2 + gradients[1] ** 2, (3, 3))
    weights = np.float32(1) / (activity + np.float32(_QUIET)) ** 2
    energy = _window(difference**2 * weights) / _window(weights)
    return np.asarray(np.sqrt(np.maximum(energy, 0)), np.float32)


def _window(values: Values) -> Values:
    side = 2 * _NOISE_RADIUS + 1
    return np.asarray(cv2.GaussianBlur(values, (side, side), _NOISE_SIGMA), np.float32)


def _median_noise(reduced: Values, lr: Pixels, alpha: Plane | None) -> float:
    """Returns the median of the noise of luma, levels of 255; 0 for an invisible image."""
    found = []
    for top in range(0, len(lr), _BAND_ROWS):
        rows, inner = _with_margin(top, min(top + _BAND_ROWS, len(lr)), len(lr))
        noise = _noise(_difference(reduced, lr, rows), reduced[rows])[inner]
        visible = slice(None) if alpha is None else alpha[top : top + _BAND_ROWS] > 0
        found.append(noise[visible].ravel())
    values = np.concatenate(found)
    return float(np.median(values)) if values.size else 0.0


def _share_of(noise: float) -> float:
    """Returns the share of the correction; without a step, which would flicker in a video."""
    return float(np.clip((_NOISY - noise) / (_NOISY - _CLEAN), 0, 1))


def _with_margin(top: int, bottom: int, height: int) -> tuple[slice, slice]:
    """Returns a band with the rows around it, and where the band lies in it."""
    first, last = max(0, top - _MARGIN), min(height, bottom + _MARGIN)
    return slice(first, last), slice(top - first, bottom - first)


def _correct_band(
    sr: Pixels, lr: Pixels, reduced: Values, band: tuple[int, int], scale: int, amount: float
) -> None:
    """Corrects the rows of an upscaled image that belong to a band of the input, in place."""
    rows, inner = _with_margin(*band, len(lr))
    difference = _difference(reduced, lr, rows)
    tolerance = np.float32(_TOLERANCE) * _noise(difference, reduced[rows])
    peak = np.iinfo(sr.dtype).max
    correction = solve(difference, tolerance, scale) * np.float32(amount * peak / 255)
    size = (correction.shape[1] * scale, len(correction) * scale)
    large = cv2.resize(correction, size, interpolation=cv2.INTER_CUBIC)
    part = sr[band[0] * scale : band[1] * scale]
    moved = part + large[inner.start * scale : inner.stop * scale, :, None]
    part[...] = np.clip(np.rint(moved), 0, peak).astype(sr.dtype)


def solve(
    difference: Values, tolerance: Values, scale: int, iterations: int = _ITERATIONS
) -> Values:
    """Finds the correction that, upscaled and reduced again, leaves differences in tolerance.

    Args:
        difference: (h, w) difference between input and reduced result.
        tolerance: (h, w), or broadcast to it: how much of it may remain.
        scale: Output px per input px.
        iterations: Number of back-projections.

    Returns:
        (h, w) correction, to be upscaled.
    """
    kernel = _round_trip(scale)
    correction = np.zeros_like(difference)
    for _ in range(iterations):
        rest = difference - cv2.sepFilter2D(
            correction, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE
        )
        correction += np.sign(rest) * np.maximum(np.abs(rest) - tolerance, 0)
    return correction


def _round_trip(scale: int) -> Values:
    """Returns the filter, (5,), of a bicubic upscaling that is reduced by means of blocks."""
    impulse = np.zeros((1, 9), np.float32)
    impulse[0, 4] = 1
    large = cv2.resize(impulse, (9 * scale, 1), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large.reshape(9, scale).mean(axis=1)[2:7], np.float32)
