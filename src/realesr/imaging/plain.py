"""Mixtures of an upscaled image with a plain upscaling: less detail, and fewer inventions."""

from __future__ import annotations

import cv2
import numpy as np

from realesr.imaging.image import Pixels

_CONTEXT_ROWS = 2
"""Rows of the input that a bicubic upscaling of a row needs on either side."""
_BAND_ROWS = 64
"""Rows of the input whose result is mixed at a time."""


def mix_with_plain(sr: Pixels, lr: Pixels, strength: float) -> None:
    """Mixes an upscaled image with a bicubic upscaling, in place.

    Half of both is nearer to the original, in PSNR, than either: errors of the network and
    missing detail of the upscaling differ.

    Args:
        sr: (H, W, 3) RGB, uint8 or uint16; H and W are multiples of h and w.
        lr: (h, w, 3) RGB, uint8 or uint16.
        strength: Share of ``sr``, 0 to 1.
    """
    height, width = lr.shape[:2]
    scale = sr.shape[0] // height
    factor = np.iinfo(sr.dtype).max / np.iinfo(lr.dtype).max
    for top in range(0, height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height)
        first, last = max(0, top - _CONTEXT_ROWS), min(height, bottom + _CONTEXT_ROWS)
        plain = cv2.resize(
            lr[first:last].astype(np.float32),
            (width * scale, (last - first) * scale),
            interpolation=cv2.INTER_CUBIC,
        )
        plain = plain[(top - first) * scale : (bottom - first) * scale]
        band = sr[top * scale : bottom * scale]
        mixed = band * np.float32(strength) + plain * np.float32((1 - strength) * factor)
        np.clip(np.rint(mixed), 0, np.iinfo(sr.dtype).max, out=mixed)
        band[...] = mixed.astype(sr.dtype)
