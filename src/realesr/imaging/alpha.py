"""Steps around a network that make it work with alpha, although it knows only colors."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from realesr.imaging.image import Image, Pixels, Plane

ALPHA_REACH = 2
"""Radius of the neighborhood that bounds an upscaled alpha, px: that of a bicubic filter."""


def bleed_colors(pixels: Pixels, alpha: Plane) -> Pixels:
    """Gives every invisible pixel the color of the nearest visible one.

    The color of an invisible pixel has no meaning and is mostly black. A filter would mix it into
    the visible edge, which shows as a halo. All other pixels keep their values.

    Args:
        pixels: (H, W, 3) RGB, uint8 or uint16, full range.
        alpha: (H, W) alpha of the same dtype; pixels with 0 are invisible.

    Returns:
        (H, W, 3) RGB of the same dtype; ``pixels`` itself if all pixels are visible, or none.
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
    """Clamps an upscaled alpha to the extremes of its neighborhood before upscaling.

    A network rings at edges and shifts constants by a level. Opaque regions must stay opaque, and
    invisible ones invisible.

    Args:
        upscaled: (H * scale, W * scale) alpha, uint8 or uint16, full range.
        alpha: (H, W) alpha of the same dtype, before it was upscaled.
        scale: Output px per input px.

    Returns:
        (H * scale, W * scale) of the same dtype: ``upscaled``, clamped to the extremes of
        ``alpha`` within :data:`ALPHA_REACH` px.
    """
    window = np.ones((2 * ALPHA_REACH + 1,) * 2, np.uint8)
    size = upscaled.shape[::-1]
    low, high = (
        cv2.resize(extreme(alpha, window), size, interpolation=cv2.INTER_NEAREST_EXACT)
        for extreme in (cv2.erode, cv2.dilate)
    )
    return np.clip(upscaled, low, high)


def composite(image: Image, background: int = 255) -> Image:
    """Composites an image on gray, on gamma-encoded values.

    Args:
        image: Image of either depth.
        background: Level of the gray, 0 to 255.

    Returns:
        An opaque image of the same depth, rounded to nearest; ``image`` itself if it is opaque.
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
