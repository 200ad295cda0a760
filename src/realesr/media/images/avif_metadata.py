"""Writing of metadata into AVIF files that libavif has made."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from realesr.media.images.isobmff import (
    FULL_BOX,
    Property,
    box,
    boxes,
    child,
    item_entries,
    primary_item,
)

_LEAST_META = 512
"""Least size of what the meta box holds, bytes. OpenCV 5 parses the first 500 bytes of a file to
recognize it, and refuses one if a whole meta box lies there and its items do not."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item that describes the primary image: ``Exif``, or ``mime`` with a content type."""

    kind: bytes
    payload: bytes
    content_type: bytes = b""


def with_metadata(
    data: bytes, properties: Sequence[Property], items: Sequence[Item]
) -> list[bytes | memoryview]:
    """Adds properties and describing items to the primary image of a file.

    Args:
        data: An AVIF file with one ``meta`` box, whose items lie behind it in the file.
        properties: Added behind those that are there.
        items: Their payload is put at the end of the file.

    Returns:
        The parts of the new file.

    Raises:
        ValueError: The file has another structure.
    """
    if not properties and not items:
        return [data]
    place = next(((start, end) for kind, start, end in boxes(data) if kind == b"meta"), None)
    if place is None:
        raise ValueError("no meta box")
    start, end = place
    meta = data[start + FULL_BOX : end]
    first = 1 + max(int.from_bytes(meta[at + 4 : at + 6]) for _, at, _ in item_entries(meta))
    # the length of the new box does not depend on the offsets in it
    grown = len(_rewritten(meta, properties, items, first, shift=0, tail=0)) - len(meta)
    new = _rewritten(meta, properties, items, first, shift=grown, tail=len(data) + grown + 8)
    head = data[: start - 8] + box(b"meta", data[start : start + FULL_BOX] + new)
    tail = box(b"mdat", b"".join(map(_payload, items))) if items else b""
    return [head, memoryview(data)[end:], tail]


def _rewritten(
    meta: bytes,
    properties: Sequence[Property],
    items: Sequence[Item],
    first: int,
    *,
    shift: int,
    tail: int,
) -> bytes:
    """Returns the content of ``meta`` with more in it.

    Args:
        meta: Its content.
        properties: As for :func:`with_metadata`.
        items: As for :func:`with_metadata`.
        first: Number of the first new item.
        shift: Bytes by which the items that are there move.
        tail: Place of the payload of the first new item in the file.
    """
    primary, parts, kinds = primary_item(meta), [], set()
    for kind, start, end in boxes(meta):
        body = meta[start:end]
        kinds.add(kind)
        if kind == b"iinf" and items:
            body = _more_items(body, items, first)
        elif kind == b"iloc":
            body = _moved(body, items, first, shift, tail)
        elif kind == b"iref" and items:
            body += _references(items, first, primary)
        elif kind == b"iprp":
            body = _more_properties(body, properties, primary)
        parts.append(box(kind, body))
    if items and b"iref" not in kinds:
        parts.append(box(b"iref", bytes(FULL_BOX) + _references(items, first, primary)))
    parts.append(box(b"free", bytes(max(0, _LEAST_META - sum(map(len, parts))))))
    return b"".join(parts)


def _more_items(body: bytes, items: Sequence[Item], first: int) -> bytes:
    (count,) = struct.unpack_from(">H", body, FULL_BOX)
    entries = b""
    for number, item in enumerate(items, first):
        entry = struct.pack(">4BHH4s", 2, 0, 0, 1, number, 0, item.kind) + b"\0"
        entries += box(b"infe", entry + (item.content_type + b"\0" if item.content_type else b""))
    return body[:4] + struct.pack(">H", count + len(items)) + body[6:] + entries


def _references(items: Sequence[Item], first: int, primary: int) -> bytes:
    numbers = range(first, first + len(items))
    return b"".join(box(b"cdsc", struct.pack(">HHH", each, 1, primary)) for each in numbers)


def _more_properties(body: bytes, properties: Sequence[Property], primary: int) -> bytes:
    container, associations = child(body, b"ipco"), child(body, b"ipma")
    number = sum(1 for _ in boxes(container))
    added = b"".join(each.box for each in properties)
    references = bytes(
        (0x80 if each.is_essential else 0) | index
        for index, each in enumerate(properties, number + 1)
    )
    if associations[:4] != bytes(4) or number + len(properties) > 127:
        raise ValueError("properties are referred to in another way")
    at, rewritten = 8, associations[:8]
    while at < len(associations):
        item, count = struct.unpack_from(">HB", associations, at)
        own = associations[at + 3 : at + 3 + count]
        at += 3 + count
        if item == primary:
            own += references
        rewritten += struct.pack(">HB", item, len(own)) + own
    return box(b"ipco", container + added) + box(b"ipma", rewritten)


def _moved(body: bytes, items: Sequence[Item], first: int, shift: int, tail: int) -> bytes:
    """Moves the items of an ``iloc`` of version 0, with offsets of 4 bytes, and adds some."""
    if body[:6] != b"\0\0\0\0\x44\0":
        raise ValueError("items are located in another way")
    (count,) = struct.unpack_from(">H", body, 6)
    at, entries = 8, b""
    for _ in range(count):
        _, _, extents = struct.unpack_from(">HHH", body, at)
        entries += body[at : at + 6]
        at += 6
        for _ in range(extents):
            offset, length = struct.unpack_from(">II", body, at)
            entries += struct.pack(">II", offset + shift, length)
            at += 8
    for number, item in enumerate(items, first):
        length = len(_payload(item))
        entries += struct.pack(">HHHII", number, 0, 1, tail, length)
        tail += length
    return body[:6] + struct.pack(">H", count + len(items)) + entries


def _payload(item: Item) -> bytes:
    # an Exif item begins with the offset of its TIFF header (ISO/IEC 23008-12, A.2.1)
    return bytes(4) + item.payload if item.kind == b"Exif" else item.payload
