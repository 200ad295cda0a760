"""Transparency: what happens to it before and after a network that knows only colors."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from realesr.imaging.image import Image, Pixels, Plane

ALPHA_REACH = 2
"""How far, in px, an upscaled alpha looks for the bounds of its values: the reach of bicubic."""


def bleed_colors(pixels: Pixels, alpha: Plane) -> Pixels:
    """Gives every invisible pixel the color of the nearest visible one.

    Where ``alpha`` is 0 the stored color means nothing, is black most often, and would be mixed
    into the visible edge by any filter: the dark or bright halo of other tools. All other pixels
    keep their values.

    Args:
        pixels: (H, W, 3).
        alpha: (H, W), the alpha.

    Returns:
        (H, W, 3) of the same dtype; the same array where nothing is invisible, or everything.
    """
    invisible = alpha == 0
    if not invisible.any() or invisible.all():
        return pixels
    _, labels = cv2.distanceTransformWithLabels(
        invisible.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    visible = ~invisible
    colors = np.zeros((int(labels.max()) + 1, 3), pixels.dtype)
    colors[labels[visible]] = pixels[visible]
    return colors[labels]


def bound_alpha(upscaled: Plane, alpha: Plane, scale: int) -> Plane:
    """Keeps an upscaled alpha within what its neighborhood had.

    A network rings at edges and shifts constants by a level; what was opaque must stay opaque, and
    what was invisible invisible.

    Args:
        upscaled: (H * scale, W * scale), of the dtype of the result.
        alpha: (H, W) of the same dtype, before it was upscaled.
        scale: Output px per input px.

    Returns:
        (H * scale, W * scale): ``upscaled``, clamped to the extremes of the pixels of ``alpha``
        that are at most :data:`ALPHA_REACH` px away.
    """
    window = np.ones((2 * ALPHA_REACH + 1,) * 2, np.uint8)
    size = upscaled.shape[::-1]
    low, high = (
        cv2.resize(extreme(alpha, window), size, interpolation=cv2.INTER_NEAREST_EXACT)
        for extreme in (cv2.erode, cv2.dilate)
    )
    return np.clip(upscaled, low, high)


def composite(image: Image, background: int = 255) -> Image:
    """Lays an image over a gray of ``background`` (0 to 255), on gamma-encoded values, rounded.

    Returns:
        An opaque image of the same depth; the same one if it was opaque.
    """
    if image.alpha is None:
        return image
    backdrop = np.float32(background / 255 * image.peak)
    pixels = np.empty_like(image.pixels)
    share = image.alpha.astype(np.float32) / np.float32(image.peak)
    for channel in range(3):
        blended = (image.pixels[..., channel] - backdrop) * share + backdrop
        pixels[..., channel] = np.rint(blended)
    return replace(image, pixels=pixels, alpha=None)
