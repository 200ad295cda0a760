"""Warping error: how far the frames of a video differ along the movement."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.imaging.flow import Flow, optical_flow, warped
from realesr.metrics.psnr import Array, peak_of, require_rgb


def warping_error(frames: Iterable[Array], references: Iterable[Array]) -> float:
    """Returns the mean squared difference between frames and warped neighbors; 0 is steady.

    Lai et al., "Learning Blind Video Temporal Consistency", 2018 (arXiv 1808.00449), equations 10
    and 11: each frame is compared with the one before, moved along the optical flow, where that one
    shows the same thing. Flow and occlusions are those of the reference, so that a method is not
    rewarded for destroying the movement. The flow is OpenCV's DIS (Kroeger et al., 2016, arXiv
    1603.03590), medium preset.

    Args:
        frames: (H, W, 3) RGB, uint8 or uint16, full range; at least two.
        references: Original frames, or the input, of the same size and number.

    Returns:
        Mean over pairs of frames, of squared differences of values in [0, 1], channels averaged.

    Raises:
        ValueError: There are fewer than two frames, their numbers or sizes differ, or nothing is
            visible in both frames of a pair.
    """
    errors = []
    before: tuple[Array, Array] | None = None
    for frame, reference in zip(frames, references, strict=True):
        require_rgb(frame)
        if frame.shape != reference.shape:
            raise ValueError(f"frames differ: {frame.shape} and {reference.shape}")
        gray = _gray(reference)
        if before is not None:
            errors.append(_error_of_pair(before[0], _unit(frame), before[1], gray))
        before = _unit(frame), gray
    if not errors:
        raise ValueError("a warping error needs two frames")
    return float(np.mean(errors))


def _error_of_pair(before: Array, now: Array, gray_before: Array, gray_now: Array) -> float:
    back = optical_flow(gray_now, gray_before)
    visible = ~occluded(back, optical_flow(gray_before, gray_now))
    if not visible.any():
        raise ValueError("nothing is visible in both frames")
    difference = (now - warped(before, back))[visible]
    return float(np.mean(difference**2))


def occluded(flow: Flow, opposite: Flow) -> NDArray[np.bool_]:
    """Returns where the other frame does not show the same thing, (H, W).

    Ruder, Dosovitskiy and Brox, "Artistic style transfer for videos", 2016 (arXiv 1604.08610),
    equations 5 and 6: where the flow and its opposite do not cancel, and at the edges of moving
    things; and where the flow leaves the frame.

    Args:
        flow: From this frame to the other.
        opposite: From the other frame to this.
    """
    height, width = flow.shape[:2]
    there = warped(opposite, flow)
    lengths = _squared(flow) + _squared(there)
    is_hidden = _squared(flow + there) > 0.01 * lengths + 0.5
    slopes = sum(_squared(np.asarray(slope)) for slope in np.gradient(flow, axis=(0, 1)))
    is_edge = slopes > 0.01 * _squared(flow) + 0.002
    x, y = flow[..., 0] + np.arange(width), flow[..., 1] + np.arange(height)[:, None]
    is_outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)
    return np.asarray(is_hidden | is_edge | is_outside)


def _squared(vectors: Array) -> NDArray[np.floating]:
    return np.asarray(np.sum(np.square(vectors), axis=2))


def _unit(frame: Array) -> NDArray[np.float32]:
    return np.asarray(frame, dtype=np.float32) / np.float32(peak_of(frame))


def _gray(frame: Array) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(_unit(frame), cv2.COLOR_RGB2GRAY)
    return np.rint(np.asarray(gray) * 255).astype(np.uint8)
