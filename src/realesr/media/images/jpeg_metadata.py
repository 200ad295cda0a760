"""What segments of a JPEG say beside its pixels, and what follows behind its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from realesr.imaging.image import Metadata, Resolution
from realesr.media.images import xmp as packets
from realesr.media.images.exif import as_stated
from realesr.media.images.iptc import (
    PHOTOSHOP_HEADER,
    has_clipping_paths,
    iptc_of,
    read_resources,
)
from realesr.media.images.png_metadata import CREDENTIALS_DROPPED
from realesr.progress import Notice, Notify

_APP0, _APP1, _APP2, _APP11, _APP13, _COM = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xFE
_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker in entropy-coded data but for restarts and stuffed zeros (ITU-T T.81, B.1.1.5)."""
_DENSITY_UNITS = {0: "", 1: "inch", 2: "cm"}
_ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
_MULTI_PICTURE = b"MPF\0"
_VIDEO = re.compile(rb"ftyp(?:mp4|isom|qt  |avc|heic|iso|3gp|M4V|MSNV)|MotionPhoto_Data|SEFT")


@dataclass(slots=True)
class _Found:
    """What the segments have said so far."""

    resolution: Resolution | None = None
    xmp: bytes | None = None
    extension: list[bytes] = field(default_factory=list)
    photoshop: bytes = b""
    comments: list[bytes] = field(default_factory=list)
    has_gain_map: bool = False
    has_more_images: bool = False
    has_credentials: bool = False
    end: int = 0


def read_jpeg(data: bytes, notify: Notify) -> Metadata:
    """Reads resolution, XMP with its extension, IPTC and comments; other blocks are Pillow's.

    Args:
        data: Content of the file.
        notify: Receives a sentence for what is not carried.
    """
    found = _Found()
    for marker, body in _segments(data, found):
        _read_segment(marker, body, found)
    resources = read_resources(found.photoshop)
    if has_clipping_paths(resources):
        notify(Notice("metadata-dropped", "clipping paths are left out"))
    if found.has_credentials:
        notify(CREDENTIALS_DROPPED)
    _tell_parts(data, found, notify)
    return Metadata(
        resolution=found.resolution,
        xmp=_whole_xmp(found, notify),
        iptc=iptc_of(resources),
        comments=tuple(found.comments),
    )


def _segments(data: bytes, found: _Found) -> Iterator[tuple[int, bytes]]:
    """Yields marker and content of each segment, and leaves the end of the image in ``found``."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker == _END:
            found.end = at + 2
            return
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if marker != _SCAN:
            yield marker, data[at + 4 : at + 2 + length]
            at += 2 + length
            continue
        if data.endswith(b"\xff\xd9") and not _may_have_more(found):
            found.end = len(data)  # the search below takes time
            return
        match = _NEXT_MARKER.search(data, at + 2 + length)
        at = match.start() if match else len(data)
    found.end = found.end or (at + 2 if data[at : at + 2] == b"\xff\xd9" else len(data))


def _read_segment(marker: int, body: bytes, found: _Found) -> None:
    if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 12:
        x, y = int.from_bytes(body[8:10]), int.from_bytes(body[10:12])
        found.resolution = as_stated(x, y, _DENSITY_UNITS.get(body[7], ""))
    elif marker == _APP1 and body.startswith(packets.JPEG_HEADER):
        found.xmp = found.xmp or body.removeprefix(packets.JPEG_HEADER)
    elif marker == _APP1 and body.startswith(packets.EXTENDED_JPEG_HEADER):
        found.extension.append(body.removeprefix(packets.EXTENDED_JPEG_HEADER))
    elif marker == _APP2 and body.startswith(_ISO_GAIN_MAP):
        found.has_gain_map = True
    elif marker == _APP2 and body.startswith(_MULTI_PICTURE):
        found.has_more_images = True
    elif marker == _APP11 and b"jumb" in body[:32]:
        found.has_credentials = True
    elif marker == _APP13 and body.startswith(PHOTOSHOP_HEADER):
        found.photoshop += body.removeprefix(PHOTOSHOP_HEADER)
    elif marker == _COM:
        found.comments.append(body)


def _may_have_more(found: _Found) -> bool:
    words = (b"MotionPhoto", b"MicroVideo", b"photos/1.0/container")
    points_at_more = found.xmp is not None and any(word in found.xmp for word in words)
    return found.has_more_images or found.has_gain_map or points_at_more


def _tell_parts(data: bytes, found: _Found, notify: Notify) -> None:
    """Tells which parts behind the image are not carried."""
    rest = memoryview(data)[found.end :]
    if not rest:
        return
    tail = bytes(rest)
    xmp = found.xmp or b""
    if found.has_gain_map or b"hdr-gain-map" in xmp or b"hdrgainmap" in tail.lower():
        notify(
            Notice(
                "gain-map-dropped",
                "the gain map is left out, and the image is as it looks without HDR",
            )
        )
    elif found.has_more_images or b"\xff\xd8\xff" in tail:
        notify(Notice("pages-dropped", "holds further images, such as a preview: left out"))
    if b"MotionPhoto" in xmp or b"MicroVideo" in xmp or _VIDEO.search(tail):
        notify(Notice("motion-dropped", "the video of the motion photo is left out"))


def _whole_xmp(found: _Found, notify: Notify) -> bytes | None:
    if found.xmp is None or not found.extension:
        return found.xmp
    extension = packets.joined_extension(found.extension, found.xmp)
    if extension is not None:
        try:
            return packets.merged(found.xmp, extension)
        except packets.UnreadableXmpError:
            pass
    notify(Notice("metadata-damaged", "the extended part of XMP is damaged and left out"))
    return found.xmp
