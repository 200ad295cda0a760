"""Which places of two frames show the same thing: movement, and a gate of brightness and color."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.imaging.flow import Flow, optical_flow, warped
from realesr.imaging.image import Pixels

Colors = NDArray[np.float32]
"""(H, W, 3) RGB, 0 to 255."""
Gate = NDArray[np.float32]
"""(H, W): 1 where two frames show the same thing, 0 where they do not."""

_NEIGHBORHOOD = 5
"""Side of the square in which differences are averaged, px."""
_AREA = 15
"""Side of the square in which a movement must fit better than none, px."""
_GAIN, _ROUNDING = 1.4, 0.25
"""How much better, as a factor and a summand of mean squares: flow that follows nothing but noise
gains up to a third."""
_FLOW_BLUR = 1.0
"""Standard deviation of the blur before the flow is estimated, px: noise has no movement."""
_QUANTILE = 0.4
"""Quantile of the local mean square differences that stands for noise, which is everywhere."""
_FLATNESS = 7
"""Side of the square whose variance tells flat places, px: noise after compression is coarse."""
_FLAT_QUANTILE = 0.2
"""Quantile of these variances that is no more than noise."""
_CONSTANT = 0.1
"""Variance below which a place holds no noise, as in black borders."""
_LEAST_NOISE, _MOST_NOISE = 1.0, 20.0
"""Bounds of the measured noise, a deviation of differences, levels of 8 bits."""
_OPEN, _CLOSED = 4.0, 8.0
"""Multiples of the noise's mean square up to which the gate is open, and from which it is closed.
Averages over 25 px of noise rarely exceed the first."""
_CUT_SHARE = 0.25
"""Share of a frame that must match the frame before it; otherwise a new scene begins."""
_CUT_DIFFERENCE = 0.35
"""Mean square difference beyond noise, in units of that of unrelated textures of the same contrast,
above which a new scene begins."""


@dataclass(frozen=True, slots=True)
class View:
    """A frame as it is compared with others.

    Attributes:
        colors: (H, W, 3) RGB, 0 to 255.
        gray: (H, W) uint8, blurred.
        contrast: Mean variance around a pixel.
        flat: Variance of flat places: of noise, if there are such places.
    """

    colors: Colors
    gray: NDArray[np.uint8]
    contrast: float
    flat: float

    @classmethod
    def of(cls, pixels: Pixels) -> View:
        """Makes the view of a frame, (H, W, 3) RGB, uint8 or uint16."""
        colors = pixels.astype(np.float32) * np.float32(255 / np.iinfo(pixels.dtype).max)
        gray = cv2.GaussianBlur(cv2.cvtColor(colors, cv2.COLOR_RGB2GRAY), (0, 0), _FLOW_BLUR)
        mean = cv2.blur(colors, (_FLATNESS, _FLATNESS))
        variances = _local_difference(colors, np.asarray(mean, np.float32), _FLATNESS)
        grainy = variances[variances > _CONSTANT]
        flat = float(np.quantile(grainy, _FLAT_QUANTILE)) if grainy.size else 0.0
        levels = np.rint(np.asarray(gray)).astype(np.uint8)
        return cls(colors, levels, float(variances.mean()), flat)


def movement(now: View, before: View) -> Flow:
    """Returns where each pixel of a frame lies in the frame before it, (H, W, 2) px.

    Where the frame before fits as well without any movement, there is none: noise moves what
    optical flow finds, and a texture that is fetched from between its pixels is blurred.
    """
    flow = optical_flow(now.gray, before.gray)
    moved = _local_difference(now.colors, warped(before.colors, flow), _AREA)
    still = _local_difference(now.colors, before.colors, _AREA)
    flow[still <= moved * np.float32(_GAIN) + np.float32(_ROUNDING)] = 0
    return flow


def continued(flow: Flow, further: Flow) -> Flow:
    """Returns the movement to the frame before the one before, by way of that."""
    return flow if not further.any() else flow + warped(further, flow)


def gate(now: View, before: View, flow: Flow) -> Gate | None:
    """Returns where a frame, moved along a flow, shows what another one shows, (H, W).

    The measure is the mean square difference around a pixel, against that of the noise. Noise is
    what most places differ by, and not more than what flat places hold, because the flow may fail
    at most places.

    Returns:
        None if a new scene has begun.
    """
    there = warped(before.colors, flow) if flow.any() else before.colors
    difference = _local_difference(now.colors, there, _NEIGHBORHOOD)
    unrelated = now.contrast + before.contrast
    # Something new in a corner is no new scene, however bright it is.
    change = float(np.minimum(difference, np.float32(unrelated)).mean())
    flat = now.flat + before.flat
    limit = flat + max(_CUT_DIFFERENCE * (unrelated - flat), flat / 4, _LEAST_NOISE**2)
    if change > limit:
        return None
    noise = min(float(np.quantile(difference, _QUANTILE)), flat)
    noise = min(max(noise, _LEAST_NOISE**2), _MOST_NOISE**2)
    opened = (_CLOSED - difference / np.float32(noise)) / np.float32(_CLOSED - _OPEN)
    matching = np.asarray(np.clip(opened, 0, 1), np.float32)
    return None if matching.mean() < _CUT_SHARE else matching


def _local_difference(one: Colors, other: Colors, side: int) -> NDArray[np.float32]:
    """Returns the mean square difference in the square around each pixel, (H, W)."""
    difference = cv2.subtract(one, other)
    squares = cv2.transform(cv2.multiply(difference, difference), np.full((1, 3), 1 / 3))
    return np.asarray(cv2.blur(squares, (side, side)), np.float32)
