"""AVIF, encoded by libavif through imagecodecs, and lossy gray through Pillow and OpenCV.

Of the three only imagecodecs lets deep pixels keep their chroma, and code points be chosen.
"""

from __future__ import annotations

import importlib
import struct
from typing import Any

import cv2
import numpy as np

from realesr.imaging.color import BT709_PRIMARIES, SRGB_TRANSFER, UNSPECIFIED, Cicp
from realesr.imaging.image import Metadata
from realesr.media.images.avif_metadata import Item, with_metadata
from realesr.media.images.channels import (
    Buffer,
    Channels,
    encode_with_opencv,
    encode_with_pillow,
    gray_alpha_to_rgba,
)
from realesr.media.images.isobmff import Property, light_properties
from realesr.options import EncodingOptions

DEFAULT_QUALITY = 90
"""Quality, 1..100, from which on the loss cannot be seen at 100 %; near libjpeg's 95."""
MAX_BITS = 12
"""Bits a channel of an AVIF made from 16 bits: the most that the format holds."""

_EXACT_QUALITY = 100
_IDENTITY, _BT601, _BT2020 = 0, 6, 9
"""Matrix coefficients (ITU-T H.273, table 4)."""
_BT2020_PRIMARIES = 9
_SPEED, _FAST_SPEED = 6, 9
"""libaom's speed for 8 bits, and for what takes longer: deep and exact images."""


def encode_avif(channels: Channels, metadata: Metadata, options: EncodingOptions) -> list[Buffer]:
    """Encodes an AVIF, without chroma subsampling.

    Args:
        channels: Any channels, uint8 or uint16; 16 bits are rounded to 12.
        metadata: Embedded; code points are written into the file and into the bitstream.
        options: Quality, and whether the pixels must be exact.

    Returns:
        The parts of the file, in order.

    Raises:
        ValueError, OSError, cv2.error: The library cannot encode the array.
    """
    channels = gray_alpha_to_rgba(channels)
    bits = 8
    if channels.dtype == np.uint16:
        bits = MAX_BITS
        table = np.rint(np.arange(2**16) * ((2**bits - 1) / (2**16 - 1)))
        channels = table.astype(np.uint16)[channels]
    quality = _EXACT_QUALITY if options.lossless else options.quality or DEFAULT_QUALITY
    cicp = _code_points(metadata)
    if channels.ndim == 2 and quality < _EXACT_QUALITY:
        data = _encode_gray(channels, bits, quality, cicp)
    else:
        data = _encode_colors(channels, bits, quality, cicp)
    return [*with_metadata(data, _properties(metadata), _items(metadata))]


def _encode_colors(channels: Channels, bits: int, quality: int, cicp: Cicp) -> bytes:
    """Encodes gray, RGB or RGBA; gray and alpha are always exact."""
    codec: Any = importlib.import_module("imagecodecs")
    is_gray, is_exact = channels.ndim == 2, quality == _EXACT_QUALITY
    formats = codec.AVIF.PIXEL_FORMAT  # their names as texts changed in imagecodecs 2026.10
    matrix = _BT2020 if cicp.primaries == _BT2020_PRIMARIES else _BT601
    try:
        data = codec.avif_encode(
            np.ascontiguousarray(channels),
            quality,
            speed=_SPEED if bits == 8 and not is_exact else _FAST_SPEED,
            bitspersample=bits,
            pixelformat=formats.YUV400 if is_gray else formats.YUV444,
            primaries=cicp.primaries,
            transfer=cicp.transfer,
            matrix=_IDENTITY if is_exact and not is_gray else matrix,
        )
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    return bytes(data)


def _encode_gray(channels: Channels, bits: int, quality: int, cicp: Cicp) -> bytes:
    """Encodes gray with a loss, which imagecodecs does not; code points are set afterwards."""
    if bits == 8:
        data = bytes(encode_with_pillow("AVIF", channels, quality=quality))
    else:
        parameters = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, quality]
        data = bytes(encode_with_opencv(".avif", channels, parameters))
    head, found, tail = data.partition(b"nclx")
    if not found:
        raise ValueError("no code points")
    return head + found + struct.pack(">HH", cicp.primaries, cicp.transfer) + tail[4:]


def _code_points(metadata: Metadata) -> Cicp:
    if metadata.color.cicp:
        return metadata.color.cicp
    if metadata.icc:
        return Cicp(UNSPECIFIED, UNSPECIFIED)
    return Cicp(BT709_PRIMARIES, SRGB_TRANSFER)


def _properties(metadata: Metadata) -> list[Property]:
    properties = light_properties(metadata.color.mastering, metadata.color.light)
    if metadata.icc:
        properties.append(Property(b"colr", b"prof" + metadata.icc))
    return properties


def _items(metadata: Metadata) -> list[Item]:
    items = []
    if metadata.exif:
        items.append(Item(b"Exif", metadata.exif))
    if metadata.xmp:
        items.append(Item(b"mime", metadata.xmp, b"application/rdf+xml"))
    return items
