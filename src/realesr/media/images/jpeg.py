"""JPEG: OpenCV encodes the pixels, and the segments with metadata are inserted here."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import cv2

from realesr.imaging.image import Metadata, Resolution
from realesr.media.images import xmp as packets
from realesr.media.images.channels import Buffer, Channels, encode_with_opencv
from realesr.media.images.exif import EXIF_PREFIX, in_round_units
from realesr.media.images.iptc import photoshop_segment

DEFAULT_QUALITY = 95
"""Quality, 1..100, from which on the loss cannot be seen at 100 %."""

_MAX_SEGMENT = 65_533
"""Largest segment without its two bytes of length (ITU-T T.81, B.1.1.4)."""
_APP1, _APP2, _APP13, _COM = 0xE1, 0xE2, 0xED, 0xFE
_DENSITY = 13
"""Place of the unit of the density in a file that begins with JFIF's segment."""
_MAX_XMP = 65_000
"""Longest packet in one segment, bytes; longer ones are extended."""
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
    head: list[Buffer] = [data[:jfif_end]]
    if metadata.resolution:
        head = [data[:_DENSITY], _density(metadata.resolution), data[_DENSITY + 5 : jfif_end]]
    return [*head, *_segments(metadata), data[jfif_end:]]


def _density(resolution: Resolution) -> bytes:
    """Returns unit and density as JFIF has them (JFIF 1.02, page 5)."""
    stated = in_round_units(resolution)
    x, y = stated.x, stated.y
    if stated.unit == "cm" and (x % 1 or y % 1):
        stated, (x, y) = resolution, resolution.per("inch")
    unit = {"": 0, "inch": 1, "cm": 2}.get(stated.unit, 1)
    if max(x, y) > 0xFFFF or (not unit and (x % 1 or y % 1)):
        scale = 0xFFFF / max(x, y)
        x, y = x * scale, y * scale
    return struct.pack(">BHH", unit, max(round(x), 1), max(round(y), 1))


def _segments(metadata: Metadata) -> list[bytes]:
    segments = []
    if metadata.exif:
        segments.append(_segment(_APP1, EXIF_PREFIX + metadata.exif))
    if metadata.xmp:
        segments += _xmp_segments(metadata.xmp)
    if metadata.icc:
        room = _MAX_SEGMENT - len(_ICC_HEADER) - 2
        pieces = [metadata.icc[at : at + room] for at in range(0, len(metadata.icc), room)]
        for number, piece in enumerate(pieces, start=1):
            counted = _ICC_HEADER + bytes((number, len(pieces)))
            segments.append(_segment(_APP2, counted + piece))
    if metadata.iptc:
        segments.append(_segment(_APP13, photoshop_segment(metadata.iptc)))
    segments += (_segment(_COM, comment) for comment in metadata.comments)
    return segments


def _xmp_segments(xmp: bytes) -> list[bytes]:
    extension: list[bytes] = []
    if len(xmp) > _MAX_XMP:
        xmp, extension = packets.extended(xmp)
    return [
        _segment(_APP1, packets.JPEG_HEADER + xmp),
        *(_segment(_APP1, packets.EXTENDED_JPEG_HEADER + part) for part in extension),
    ]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
