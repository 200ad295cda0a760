"""What a file is by its first bytes, where its name does not say it.

The signatures are those of the formats' specifications. Only a few hundred bytes are looked at, and
no decoder is loaded. Formats without a signature, such as TGA, are known by their suffix alone.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HEAD_BYTES = 4096
"""Number of first bytes that decide."""

Kind = Literal["image", "video", "audio"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds.

    Attributes:
        kind: The media type; sound alone is neither an image nor a video.
        suffix: The usual suffix of the format, in lower case.
    """

    kind: Kind
    suffix: str


_IMAGE_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF87a", ".gif"),
    (b"GIF89a", ".gif"),
    (b"II*\0", ".tif"),  # also DNG, NEF, ARW and CR2
    (b"MM\0*", ".tif"),
    (b"II+\0\x08\0", ".tif"),  # BigTIFF
    (b"MM\0+\0\x08", ".tif"),
    (b"8BPS\0\x01", ".psd"),
    (b"8BPS\0\x02", ".psd"),
    (b"v/1\x01", ".exr"),
    (b"#?RADIANCE", ".hdr"),
    (b"#?RGBE", ".hdr"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", ".jxl"),
    (b"\xff\x0a", ".jxl"),  # without a container
    (b"\0\0\0\x0cjP  \r\n\x87\n", ".jp2"),
    (b"\xff\x4f\xff\x51", ".j2k"),
    (b"FUJIFILMCCD-RAW", ".raf"),
    (b"IIU\0", ".rw2"),
    (b"IIRO", ".orf"),
    (b"IIRS", ".orf"),
    (b"MMOR", ".orf"),
    (b"FOVb", ".x3f"),
)
_VIDEO_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1a\x45\xdf\xa3", ".mkv"),
    (b"FLV\x01", ".flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", ".asf"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", ".mxf"),
    (b"YUV4MPEG2 ", ".y4m"),
    (b"DKIF", ".ivf"),
    (b".RMF\0\0\0", ".rm"),
    (b"nut/multimedia container\0", ".nut"),
    (b"\0\0\x01\xba", ".mpg"),  # program stream
    (b"\0\0\x01\xb3", ".m2v"),  # sequence header of MPEG-1 and MPEG-2
    (b"\x1f\x07\0", ".dv"),
)
_IMAGE_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), ".avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), ".heic"),
    **dict.fromkeys((b"mif1", b"msf1", b"heif"), ".heic"),
    b"crx ": ".cr3",
}
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_OGG_VIDEOS = (b"\x80theora", b"\x01video\0\0\0", b"OVP80", b"BBCD\0")
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_PNM = re.compile(rb"P[1-6]\s(?:\s|#[^\n]*\n)*\d+\s|P7\n(?:#[^\n]*\n)*[A-Z]+ |P[Ff]\s+\d+\s")
_TEXT = re.compile(rb"[\t\n\r -~]{4}")
"""The beginning of a text, which would be an improbable length of a box."""
_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Length of a packet of MPEG-TS, and where the first one begins: plain, of discs, with parity."""


def content_of(path: Path) -> Content | None:
    """Returns what a file holds; None for anything that is no known media file, or unreadable.

    A FIFO, a socket or a device is not opened.
    """
    # Opening a FIFO would wait for a writer, and opening some devices does something.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        descriptor = os.open(path, flags)
    except OSError:
        return None
    try:
        return identify(os.read(descriptor, HEAD_BYTES))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def identify(head: bytes) -> Content | None:
    """Returns what a file holds that begins with these bytes; see :func:`content_of`."""
    for signature, suffix in _IMAGE_SIGNATURES:
        if head.startswith(signature):
            return Content("image", suffix)
    for signature, suffix in _VIDEO_SIGNATURES:
        if head.startswith(signature):
            return Content("video", suffix)
    for test in (_riff, _isobmff, _weak_image, _ogg, _elementary_stream, _transport_stream):
        found = test(head)
        if found is not None:
            return found
    return None


def _riff(head: bytes) -> Content | None:
    if head[:4] not in (b"RIFF", b"RIFX"):
        return None
    return {
        b"WEBP": Content("image", ".webp"),
        b"AVI ": Content("video", ".avi"),
        b"WAVE": Content("audio", ".wav"),
    }.get(head[8:12])


def _isobmff(head: bytes) -> Content | None:
    """Files of ISO/IEC 14496-12 and QuickTime: the brands of the first box decide."""
    if head[4:8] in _QUICKTIME_ATOMS and not _TEXT.match(head):
        return Content("video", ".mov")
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    if brands[0] in _IMAGE_BRANDS:
        # mif1 and msf1 say how a picture is stored, and the other brands what it is made of.
        known = [_IMAGE_BRANDS[brand] for brand in brands if brand in _IMAGE_BRANDS]
        return Content("image", ".avif" if ".avif" in known else known[0])
    if brands[0] in _AUDIO_BRANDS:
        return Content("audio", ".m4a")
    return Content("video", ".mov" if brands[0] == b"qt  " else ".mp4")


def _weak_image(head: bytes) -> Content | None:
    """Formats whose signature is short, so that more of the header is looked at."""
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return Content("image", ".bmp")
    if _PNM.match(head):
        return Content(
            "image", {49: ".pbm", 52: ".pbm", 50: ".pgm", 53: ".pgm"}.get(head[1], ".ppm")
        )
    if head[:4] == b"\0\0\x01\0" and _is_icon(head):
        return Content("image", ".ico")
    return None


def _is_icon(head: bytes) -> bool:
    count = int.from_bytes(head[4:6], "little")
    first = int.from_bytes(head[18:22], "little")
    return 0 < count <= 256 and first >= 6 + 16 * count and head[9:10] == b"\0"


def _ogg(head: bytes) -> Content | None:
    if not head.startswith(b"OggS"):
        return None
    has_video = any(mark in head for mark in _OGG_VIDEOS)
    return Content("video", ".ogv") if has_video else Content("audio", ".oga")


def _elementary_stream(head: bytes) -> Content | None:
    """Videos without a container, by their first units."""
    if head[:3] == b"\x12\0\x0a" and head[4:5] < b"\x60":  # AV1, 5.3.1: delimiter, sequence header
        return Content("video", ".obu")
    start = 4 if head.startswith(b"\0\0\0\1") else 3 if head.startswith(b"\0\0\1") else 0
    first = head[start : start + 2]
    if not start or len(first) < 2:
        return None
    if first[0] & 0x9F in (7, 9):  # ITU-T H.264, 7.4.1: parameter set, delimiter
        return Content("video", ".h264")
    if first in (b"\x40\x01", b"\x46\x01"):  # ITU-T H.265, 7.4.2.2: the same
        return Content("video", ".h265")
    if first[0] == 0xB0:  # ISO/IEC 14496-2: visual object sequence
        return Content("video", ".m4v")
    return None


def _transport_stream(head: bytes) -> Content | None:
    for length, start in _PACKETS:
        marks = head[start::length]
        if len(marks) >= 4 and set(marks) == {0x47}:
            return Content("video", ".ts")
    return None
