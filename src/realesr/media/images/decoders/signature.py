"""Which decoder reads a file: its first bytes decide, and not its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from realesr.media.formats import RAW_SUFFIXES
from realesr.media.images.decoders.jpeg_structure import frame_header
from realesr.media.images.decoders.jpeg_xl_header import read_header

Family = Literal[
    "avif",
    "bmp",
    "exr",
    "gif",
    "hdr",
    "heif",
    "ico",
    "jpeg",
    "jpeg-2000",
    "jpeg-xl",
    "netpbm",
    "png",
    "psd",
    "raw",
    "tga",
    "tiff",
    "webp",
]

_STARTS: tuple[tuple[bytes, Family], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"BM", "bmp"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),  # BigTIFF
    (b"MM\0+", "tiff"),
    (b"8BPS", "psd"),
    (b"\0\0\1\0", "ico"),
    (b"\x76\x2f\x31\x01", "exr"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"\xff\x0a", "jpeg-xl"),  # the bare codestream
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jpeg-xl"),
    (b"\xff\x4f\xff\x51", "jpeg-2000"),  # the bare codestream
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg-2000"),
    (b"FUJIFILMCCD-RAW", "raw"),
    (b"IIRO", "raw"),  # Olympus
    (b"IIRS", "raw"),
    (b"MMOR", "raw"),
    (b"IIU\0", "raw"),  # Panasonic
    (b"\0MRM", "raw"),  # Minolta
    (b"FOVb", "raw"),  # Sigma
)
_NETPBM = frozenset(b"P" + kind for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"F", b"f"))
_HEIF_BRANDS = frozenset(
    (b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
)
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_TGA_SUFFIXES = (".tga", ".icb", ".vda", ".vst")


def family_of(data: bytes, path: Path) -> Family | None:
    """Returns the family of formats that a file belongs to; None if it is no known image.

    Two need the name as well: camera RAW, which is mostly a TIFF with a thumbnail in front, and
    TGA, which has no signature.

    Args:
        data: Content of the file.
        path: Its name.
    """
    suffix = path.suffix.lower()
    for start, family in _STARTS:
        if data.startswith(start):
            is_raw = family == "tiff" and (suffix in RAW_SUFFIXES or data[8:10] == b"CR")
            return "raw" if is_raw else family
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _iso_family(data)
    if data[:2] in _NETPBM and data[2:3].isspace():
        return "netpbm"
    if data.endswith(_TGA_FOOTER) or suffix in _TGA_SUFFIXES:
        return "tga"
    return None


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Returns width and height that an image within another file states, px.

    Decoders believe them, whatever the outer file says. None if the format states no more than some
    hundred megapixels.

    Args:
        data: Content of a strip or tile of a TIFF.
    """
    if data.startswith(b"\xff\xd8\xff"):
        frame = frame_header(data)
        return (frame.width, frame.height) if frame else None
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) > 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(_JPEG_XL):
        codestream = data if data.startswith(b"\xff\x0a") else data[data.find(b"\xff\x0a") :]
        header = read_header(codestream)
        return header.width, header.height
    start = data.find(b"\xff\x4f\xff\x51", 0, 2**12)  # JPEG 2000
    if start >= 0:
        right, bottom, left, top = (
            int.from_bytes(data[start + place : start + place + 4], "big")
            for place in (8, 12, 16, 20)
        )
        return right - left, bottom - top
    return None


def _iso_family(data: bytes) -> Family | None:
    """Tells HEIF files apart by their brands (ISO/IEC 23008-12, section 10; AVIF, section 8)."""
    length = int.from_bytes(data[:4], "big")
    box = data[8 : min(length, 256)]
    brands = {box[start : start + 4] for start in (0, *range(8, len(box), 4))}
    if brands & {b"avif", b"avis"}:
        return "avif"
    if b"crx " in brands:  # Canon's CR3
        return "raw"
    return "heif" if brands & _HEIF_BRANDS else None
