"""Boxes of AVIF and HEIF files: what they say about the primary image.

ISO/IEC 14496-12 describes boxes and the ``meta`` box, ISO/IEC 23008-12 the properties of images.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from realesr.imaging.color import Cicp, ContentLight, MasteringDisplay

_DEPTH_URNS = (b"auxiliary:depth", b"hevc:2015:auxid:2")
"""Parts of the types of auxiliary images that are depth maps (ISO/IEC 23008-12, B.2.4)."""
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
FULL_BOX = 4
"""Size of version and flags in front of the content of a full box, bytes."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an image: its kind, its content, and whether readers must obey it."""

    kind: bytes
    body: bytes
    is_essential: bool = False

    @property
    def box(self) -> bytes:
        """The whole box."""
        return box(self.kind, self.body)


def box(kind: bytes, body: bytes) -> bytes:
    """Returns a box."""
    return struct.pack(">I4s", len(body) + 8, kind) + body


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yields kind, start of the content, and end of each box; stops where the structure ends."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        stop = start + size if size else end
        if size == 1:
            stop, content = start + int.from_bytes(data[start + 8 : start + 16]), start + 16
        if stop < content or stop > end:
            return
        yield kind, content, stop
        start = stop


def is_isobmff(data: bytes) -> bool:
    """Returns whether a file is an ISO base media file."""
    return data[4:8] == b"ftyp"


def primary_properties(data: bytes) -> list[Property]:
    """Returns the properties of the primary image in their order; none if there is no such image.

    Args:
        data: Content of an AVIF or HEIF file.
    """
    try:
        meta = _meta(data)
        if meta is None:
            return []
        primary = primary_item(meta)
        container = child(child(meta, b"iprp"), b"ipco")
        held = [(kind, container[start:end]) for kind, start, end in boxes(container)]
        return [
            Property(*held[index - 1], is_essential)
            for index, is_essential in _associations(child(child(meta, b"iprp"), b"ipma"), primary)
            if 0 < index <= len(held)
        ]
    except (struct.error, IndexError):
        return []


def color_of(properties: Sequence[Property]) -> tuple[Cicp | None, bytes | None]:
    """Returns code points and ICC profile of an image.

    Args:
        properties: Its properties. Those of the pixels, range and matrix, are obeyed by decoders:
            decoded pixels are RGB in full range.
    """
    cicp, icc = None, None
    for each in properties:
        if each.kind == b"colr" and each.body[:4] == b"nclx" and len(each.body) >= 8:
            cicp = Cicp(*struct.unpack_from(">HH", each.body, 4))
        elif each.kind == b"colr" and each.body[:4] in (b"prof", b"rICC"):
            icc = each.body[4:]
    return cicp, icc


def light_of(properties: Sequence[Property]) -> tuple[MasteringDisplay | None, ContentLight | None]:
    """Returns what an image says about its mastering display and its light level."""
    mastering, light = None, None
    for each in properties:
        if each.kind == b"mdcv" and len(each.body) >= 24:
            *xy, highest, lowest = struct.unpack_from(">8H2I", each.body)
            green, blue, red, white = zip(xy[::2], xy[1::2], strict=True)
            mastering = MasteringDisplay(red, green, blue, white, highest, lowest)
        elif each.kind == b"clli" and len(each.body) >= 4:
            content, average = struct.unpack_from(">HH", each.body)
            light = ContentLight(content * 10_000, average * 10_000)
    return mastering, light


def light_properties(
    mastering: MasteringDisplay | None, light: ContentLight | None
) -> list[Property]:
    """Returns the properties that :func:`light_of` reads."""
    properties = []
    if mastering:
        xy = (*mastering.green, *mastering.blue, *mastering.red, *mastering.white)
        luminance = (mastering.max_luminance, mastering.min_luminance)
        properties.append(Property(b"mdcv", struct.pack(">8H2I", *xy, *luminance)))
    if light:
        levels = (
            min(round(each / 10_000), 0xFFFF) for each in (light.max_content, light.max_average)
        )
        properties.append(Property(b"clli", struct.pack(">HH", *levels)))
    return properties


def clean_aperture(
    properties: Sequence[Property], width: int, height: int
) -> tuple[int, int, int, int] | None:
    """Returns the part of an image that is shown, before it is turned.

    Args:
        properties: Properties of the image.
        width: Width of the stored image, px.
        height: Its height, px.

    Returns:
        Left, top, right and bottom, px, or None if all is shown, or if the part is not within the
        image (ISO/IEC 14496-12, 12.1.4.1).
    """
    body = next((each.body for each in properties if each.kind == b"clap"), b"")
    if len(body) < 32:
        return None
    across, across_by, down, down_by = struct.unpack_from(">4I", body)
    right, right_by, low, low_by = struct.unpack_from(">iIiI", body, 16)
    if not (across_by and down_by and right_by and low_by):
        return None
    shown = across / across_by, down / down_by
    left = round(right / right_by + (width - shown[0]) / 2)
    top = round(low / low_by + (height - shown[1]) / 2)
    part = left, top, left + round(shown[0]), top + round(shown[1])
    is_inside = 0 <= left < part[2] <= width and 0 <= top < part[3] <= height
    return part if is_inside and part != (0, 0, width, height) else None


def further_parts(data: bytes) -> set[str]:
    """Returns what else an AVIF or HEIF file holds, beside the primary image.

    Returns:
        Some of ``gain map`` (ISO 21496-1, or Apple's), ``depth map``, ``video`` of a motion photo
        and ``credentials`` (C2PA 2.1, A.5.1).
    """
    meta = _meta(data) or b""
    outer = [(kind, data[start : start + 16]) for kind, start, _ in boxes(data)]
    kinds = {meta[start + 8 : start + 12] for _, start, _ in item_entries(meta)}
    return {
        name
        for name, is_there in (
            ("gain map", b"tmap" in kinds or b"aux:hdrgainmap" in meta),
            ("depth map", any(urn in meta for urn in _DEPTH_URNS)),
            ("video", any(kind == b"mpvd" for kind, _ in outer)),
            ("credentials", (b"uuid", _C2PA_UUID) in outer),
        )
        if is_there
    }


def _meta(data: bytes) -> bytes | None:
    """Returns the content of the ``meta`` box behind version and flags."""
    for kind, start, end in boxes(data):
        if kind == b"meta":
            return data[start + FULL_BOX : end]
    return None


def child(body: bytes, wanted: bytes) -> bytes:
    """Returns the content of the first box of a kind; empty if there is none."""
    return next((body[start:end] for kind, start, end in boxes(body) if kind == wanted), b"")


def primary_item(meta: bytes) -> int:
    """Returns the number of the primary image; ``meta`` is the content of that box."""
    body = child(meta, b"pitm")
    return int.from_bytes(body[4:8] if body[:1] == b"\1" else body[4:6])


def item_entries(meta: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields the boxes of ``iinf``, with places in ``meta``."""
    for kind, start, end in boxes(meta):
        if kind == b"iinf":
            yield from boxes(meta, start + (6 if meta[start : start + 1] == b"\0" else 8), end)


def _associations(body: bytes, item: int) -> Iterator[tuple[int, bool]]:
    """Yields number, from 1, and importance of each property of an item (``ipma``)."""
    version, is_wide = body[0], body[3] & 1
    (count,) = struct.unpack_from(">I", body, 4)
    at = 8
    for _ in range(count):
        number = int.from_bytes(body[at : at + (4 if version else 2)])
        at += 4 if version else 2
        for _ in range(body[at]):
            if is_wide:
                (value,) = struct.unpack_from(">H", body, at + 1)
                at += 2
            else:
                value = body[at + 1] << 8
                at += 1
            if number == item:
                yield value & 0x7FFF if is_wide else value >> 8 & 0x7F, bool(value & 0x8000)
        at += 1
