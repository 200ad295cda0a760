"""The part of an AVIF or HEIF image that is shown, which decoders do not cut out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from realesr.imaging.image import Image
from realesr.media.images.isobmff import clean_aperture, is_isobmff, primary_properties


def cropped(image: Image, data: bytes) -> Image:
    """Cuts an image to its clean aperture.

    Args:
        image: The image as stored: not turned yet.
        data: Content of its file; other formats than AVIF and HEIF have no such part.

    Returns:
        The part that is shown; the same image if that is all.
    """
    if not is_isobmff(data):
        return image
    part = clean_aperture(primary_properties(data), image.size.width, image.size.height)
    if part is None:
        return image
    left, top, right, bottom = part
    rows, columns = slice(top, bottom), slice(left, right)
    alpha = image.alpha
    return replace(
        image,
        pixels=np.ascontiguousarray(image.pixels[rows, columns]),
        alpha=None if alpha is None else np.ascontiguousarray(alpha[rows, columns]),
    )
