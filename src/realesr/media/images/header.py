"""The size of an image as its first bytes tell it, for many files in little time."""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path

from PIL import Image as PillowImage

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "PPM", "JPEG2000")
"""Formats that Pillow opens by their header; it reads all of a WebP, AVIF or HEIF."""
PIXELS_OF_BYTE = 2
"""Pixels that a byte of a compressed image stands for where no header tells."""


def estimated_pixels(path: Path, size_bytes: int | None = None) -> int:
    """Returns how many pixels an image has, or may have; 0 for a file that cannot be read.

    Args:
        path: An image.
        size_bytes: Its size, bytes, if it lies in a store: then it is not opened.
    """
    if size_bytes is not None:
        return PIXELS_OF_BYTE * size_bytes
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
            with PillowImage.open(path, formats=_FORMATS) as image:
                return image.width * image.height
    except (OSError, ValueError, SyntaxError, struct.error, PillowImage.DecompressionBombError):
        pass  # what is wrong with it, its decoder will tell
    try:
        return PIXELS_OF_BYTE * os.stat(path).st_size  # noqa: PTH116 -- many thousand times
    except OSError:
        return 0
