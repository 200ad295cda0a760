"""AVIF: OpenCV encodes deep and exact images, Pillow the others."""

from __future__ import annotations

import cv2
import numpy as np

from realesr.imaging.image import Metadata
from realesr.media.images.channels import (
    Channels,
    encode_with_opencv,
    encode_with_pillow,
    gray_alpha_to_rgba,
)
from realesr.options import EncodingOptions

DEFAULT_QUALITY = 90
"""Quality, 1..100, from which on the loss cannot be seen at 100 %; near libjpeg's 95."""
MAX_BITS = 12
"""Bits a channel of an AVIF made from 16 bits: the most that the format holds."""

_EXACT_QUALITY = 100


def encode_avif(channels: Channels, metadata: Metadata, options: EncodingOptions) -> memoryview:
    """Encodes an AVIF, without chroma subsampling.

    OpenCV keeps 12 bits, and its quality of 100 is exact, which Pillow's is not.

    Args:
        channels: Any channels, uint8 or uint16; 16 bits are rounded to 12.
        metadata: Embedded by the library.
        options: Quality, and whether the pixels must be exact.

    Raises:
        ValueError, OSError, cv2.error: The library cannot encode the array or the metadata.
    """
    quality = options.quality or DEFAULT_QUALITY
    if channels.dtype == np.uint8 and not options.lossless:
        subsampling = {"subsampling": "4:4:4"} if channels.ndim == 3 else {}
        return encode_with_pillow("AVIF", channels, metadata, quality=quality, **subsampling)
    channels = gray_alpha_to_rgba(channels)
    bits = 8
    if channels.dtype == np.uint16:
        bits = MAX_BITS
        table = np.rint(np.arange(2**16) * ((2**bits - 1) / (2**16 - 1)))
        channels = table.astype(np.uint16)[channels]
    if options.lossless:
        quality = _EXACT_QUALITY
    parameters = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, quality]
    return encode_with_opencv(".avif", channels, parameters, metadata)
