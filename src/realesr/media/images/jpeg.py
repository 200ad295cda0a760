"""JPEG: OpenCV encodes the pixels, and the segments with metadata are inserted here."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import cv2

from realesr.imaging.image import Metadata
from realesr.media.images.channels import Buffer, Channels, encode_with_opencv
from realesr.media.images.metadata import EXIF_PREFIX, XMP_JPEG_HEADER

DEFAULT_QUALITY = 95
"""Quality, 1..100, from which on the loss cannot be seen at 100 %."""

_MAX_SEGMENT = 65_533
"""Largest segment without its two bytes of length (ITU-T T.81, B.1.1.4)."""
_APP1, _APP2 = 0xE1, 0xE2
_ICC_HEADER = b"ICC_PROFILE\0"


def encode_jpeg(channels: Channels, metadata: Metadata, quality: int | None) -> Sequence[Buffer]:
    """Encodes a JPEG without chroma subsampling.

    Args:
        channels: Gray or RGB, uint8.
        metadata: Embedded behind the APP0 segment that OpenCV writes (ITU-T T.81, B.2.1; Exif
            2.32; ICC.1, B.4).
        quality: 1..100; None for :data:`DEFAULT_QUALITY`.

    Returns:
        The parts of the file, in order.

    Raises:
        ValueError, cv2.error: OpenCV cannot encode the array.
        struct.error: A block of metadata does not fit into a segment.
    """
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality or DEFAULT_QUALITY]
    parameters += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    data = encode_with_opencv(".jpg", channels, parameters)
    jfif_end = 4 + int.from_bytes(data[4:6])
    return [data[:jfif_end], *_segments(metadata), data[jfif_end:]]


def _segments(metadata: Metadata) -> list[bytes]:
    segments = []
    if metadata.exif:
        segments.append(_segment(_APP1, EXIF_PREFIX + metadata.exif))
    if metadata.xmp:
        segments.append(_segment(_APP1, XMP_JPEG_HEADER + metadata.xmp))
    if metadata.icc:
        room = _MAX_SEGMENT - len(_ICC_HEADER) - 2
        pieces = [metadata.icc[at : at + room] for at in range(0, len(metadata.icc), room)]
        for number, piece in enumerate(pieces, start=1):
            counted = _ICC_HEADER + bytes((number, len(pieces)))
            segments.append(_segment(_APP2, counted + piece))
    return segments


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
