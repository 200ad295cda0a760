"""What chunks of a PNG say beside its pixels (PNG, third edition, 11.3)."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from realesr.imaging.color import (
    Chromaticities,
    Cicp,
    ColorDescription,
    ContentLight,
    MasteringDisplay,
)
from realesr.imaging.image import Metadata, Resolution, Text
from realesr.media.images.exif import EXIF_PREFIX, as_stated
from realesr.media.images.iptc import iptc_of, read_resources
from realesr.progress import Notice, Notify

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = "XML:com.adobe.xmp"

CREDENTIALS_DROPPED = Notice(
    "metadata-dropped", "content credentials (C2PA) are left out: they sign other pixels"
)

_MAX_TEXT = 64 * 2**20
"""Largest text that is expanded, bytes: a small chunk can expand to gigabytes."""
_RAW_PROFILE = "Raw profile type "
"""Keyword of ImageMagick for a block in hexadecimal digits."""
_OF_PIXELS = frozenset(
    (
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sBIT", b"bKGD", b"hIST", b"sPLT"),
        *(b"acTL", b"fcTL", b"fdAT", b"iDOT", b"CgBI", b"iCCP", b"eXIf", b"oFFs", b"tIME"),
    )
)
"""Chunks that describe stored pixels, or that are read elsewhere."""


@dataclass(slots=True)
class _Found:
    """What the chunks have said so far."""

    color: dict[str, object] = field(default_factory=dict)
    resolution: Resolution | None = None
    texts: list[Text] = field(default_factory=list)
    profiles: dict[str, bytes] = field(default_factory=dict)
    xmp: bytes | None = None
    others: set[str] = field(default_factory=set)


def read_png(data: bytes, notify: Notify) -> Metadata:
    """Reads color, resolution and texts; ICC profile and EXIF are left to Pillow.

    Args:
        data: Content of the file.
        notify: Receives a sentence for what is not carried.
    """
    found = _Found()
    for kind, body in _chunks(data):
        try:
            _read_chunk(kind, body, found)
        except (struct.error, ValueError, zlib.error, UnicodeError):
            name = kind.decode("latin-1")
            notify(Notice("metadata-damaged", f"the chunk {name} is damaged and left out"))
    if "caBX" in found.others:
        found.others.remove("caBX")
        notify(
            Notice(
                "metadata-dropped", "content credentials (C2PA) left out: they sign other pixels"
            )
        )
    if found.others:
        names = ", ".join(sorted(found.others))
        notify(Notice("metadata-dropped", f"chunks of PNG left out: {names}"))
    iptc = found.profiles.get("iptc") or found.profiles.get("8bim")
    return Metadata(
        color=ColorDescription(**found.color),  # type: ignore[arg-type]
        resolution=found.resolution,
        texts=tuple(found.texts),
        xmp=found.xmp or found.profiles.get("xmp"),
        iptc=_iptc(iptc) if iptc else None,
    )


def raw_exif(data: bytes) -> bytes | None:
    """Returns an EXIF block, without its prefix, that ImageMagick has written as a text."""
    for kind, body in _chunks(data):
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            try:
                text = _text(kind, body)
            except (ValueError, zlib.error, UnicodeError):
                continue
            if text.keyword.removeprefix(_RAW_PROFILE).lower() in ("exif", "app1"):
                block = _from_hexadecimal(text.value)
                if block.startswith((EXIF_PREFIX, b"II*\0", b"MM\0*")):
                    return block.removeprefix(EXIF_PREFIX)
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yields kind and content of each chunk, but for those with a wrong checksum."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        body, checksum = view[at + 8 : at + 8 + length], view[at + 8 + length : at + 12 + length]
        at += 12 + length
        # pixels are checked where they are decoded
        if kind != b"IDAT" and zlib.crc32(body, zlib.crc32(kind)) == int.from_bytes(checksum):
            yield kind, body


def _read_chunk(kind: bytes, body: memoryview, found: _Found) -> None:
    match kind:
        case b"cICP":
            primaries, transfer, _, full_range = struct.unpack(">4B", body)
            found.color["cicp"] = Cicp(primaries, transfer, bool(full_range))
        case b"gAMA":
            (gamma,) = struct.unpack(">I", body)
            if gamma:
                found.color["gamma"] = gamma
        case b"cHRM":
            xy = struct.unpack(">8I", body)
            if all(xy[1::2]):
                points = zip(xy[::2], xy[1::2], strict=True)
                found.color["chromaticities"] = Chromaticities(*points)
        case b"sRGB":
            (found.color["srgb_intent"],) = struct.unpack(">B", body)
        case b"mDCV":
            found.color["mastering"] = _display(struct.unpack(">8H2I", body))
        case b"cLLI":
            found.color["light"] = ContentLight(*struct.unpack(">II", body))
        case b"pHYs":
            x, y, unit = struct.unpack(">IIB", body)
            found.resolution = as_stated(x, y, "m" if unit == 1 else "")
        case b"tEXt" | b"zTXt" | b"iTXt":
            _keep_text(_text(kind, body), found)
        case _ if kind not in _OF_PIXELS:
            found.others.add(kind.decode("latin-1"))


def _display(numbers: tuple[int, ...]) -> MasteringDisplay:
    red, green, blue, white = zip(numbers[:8:2], numbers[1:8:2], strict=True)
    return MasteringDisplay(red, green, blue, white, *numbers[8:])


def _keep_text(text: Text, found: _Found) -> None:
    if text.keyword == XMP_KEYWORD:
        found.xmp = text.value.encode()
    elif text.keyword.startswith(_RAW_PROFILE):
        name = text.keyword.removeprefix(_RAW_PROFILE).lower()
        found.profiles[name] = _from_hexadecimal(text.value)
    else:
        found.texts.append(text)


def _text(kind: bytes, body: memoryview) -> Text:
    keyword, _, rest = bytes(body).partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"tEXt":
        return Text(name, rest.decode("latin-1"))
    if kind == b"zTXt":
        return Text(name, _expanded(rest[1:]).decode("latin-1"))
    is_compressed, rest = rest[:1] == b"\1", rest[2:]
    language, _, rest = rest.partition(b"\0")
    translated, _, value = rest.partition(b"\0")
    value = _expanded(value) if is_compressed else value
    return Text(name, value.decode(), language.decode("latin-1"), translated.decode())


def _expanded(data: bytes) -> bytes:
    expander = zlib.decompressobj()
    text = expander.decompress(data, _MAX_TEXT)
    if expander.unconsumed_tail:
        raise ValueError("the text is too long")
    return text


def _from_hexadecimal(value: str) -> bytes:
    """Decodes a block: a line with its name, one with its length, then digits."""
    match = re.match(r"\s*\S+\s+(\d+)\s", value)
    if match is None:
        raise ValueError("no block in hexadecimal digits")
    digits = "".join(value[match.end() :].split())[: 2 * int(match[1])]
    return bytes.fromhex(digits)


def _iptc(block: bytes) -> bytes | None:
    block = block.removeprefix(b"Photoshop 3.0\0")
    return iptc_of(read_resources(block)) if block.startswith(b"8BIM") else block
