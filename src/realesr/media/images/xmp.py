"""XMP packets: what belongs to parts that are gone, extended XMP, and places.

XMP specification, part 1 (ISO 16684-1) and part 3, 1.1.3.1.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from typing import Any
from xml.dom import Node

from realesr.geometry import Size

JPEG_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_JPEG_HEADER = b"http://ns.adobe.com/xmp/extension/\0"

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NOTE = "http://ns.adobe.com/xmp/note/"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_EXTENDED_CHUNK = 65_000
"""Largest part of extended XMP in a segment, bytes."""
_LONG_PROPERTY = 2048
"""Size from which a property goes into extended XMP, bytes."""
_MAX_DEPTH = 100
"""Deepest nesting that is read; real packets have some 10 levels."""
_PACKET = re.compile(rb"<\?xpacket[^>]*\?>")
_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>))\s*\d+""")
_WIDTH = re.compile(rb"""((?:tiff:ImageWidth|exif:PixelXDimension)(?:\s*=\s*["']|>))\s*\d+""")
_HEIGHT = re.compile(rb"""((?:tiff:ImageLength|exif:PixelYDimension)(?:\s*=\s*["']|>))\s*\d+""")

_OF_GAIN_MAPS = (
    "http://ns.adobe.com/hdr-gain-map/",
    "http://ns.apple.com/HDRGainMap/",
    "http://ns.apple.com/pixeldatainfo/",
)
_OF_PARTS = (
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/dd/1.0/",
)
_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_MOTION = ("MotionPhoto", "MicroVideo")
_PLACES = (
    ("http://ns.adobe.com/exif/1.0/", "GPS"),
    ("http://ns.adobe.com/photoshop/1.0/", "City"),
    ("http://ns.adobe.com/photoshop/1.0/", "State"),
    ("http://ns.adobe.com/photoshop/1.0/", "Country"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "Location"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "CountryCode"),
    ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Location"),
)

_Node = Any
"""A node of minidom, whose types do not tell elements from others."""
Selector = Callable[[str, str], bool]
"""Chooses properties by namespace and local name."""


class UnreadableXmpError(ValueError):
    """A packet is not XML, or of a kind that is not parsed."""


def upright(xmp: bytes) -> bytes:
    """Sets the orientation to 1."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def resized(xmp: bytes, size: Size) -> bytes:
    """Sets width and height, px, where a packet states them."""
    return _HEIGHT.sub(rb"\g<1>%d" % size.height, _WIDTH.sub(rb"\g<1>%d" % size.width, xmp))


def is_of_gain_map(namespace: str, name: str) -> bool:
    """Returns whether a property describes a gain map."""
    return namespace.startswith(_OF_GAIN_MAPS)


def is_of_motion(namespace: str, name: str) -> bool:
    """Returns whether a property points at the video of a motion photo."""
    return namespace == _CAMERA and name.startswith(_MOTION)


def is_of_part(namespace: str, name: str) -> bool:
    """Returns whether a property points at a further image in the file."""
    return namespace.startswith(_OF_PARTS)


def is_place(namespace: str, name: str) -> bool:
    """Returns whether a property says where an image was made."""
    return any(namespace == owner and name.startswith(start) for owner, start in _PLACES)


def names_of(xmp: bytes) -> set[tuple[str, str]]:
    """Returns namespace and local name of every property in a packet, at any depth.

    Raises:
        UnreadableXmpError: The packet cannot be parsed.
    """
    return {
        (node.namespaceURI or "", node.localName)
        for element in _elements(_parsed(xmp))
        for node in (element, *_attributes(element))
    }


def without(xmp: bytes, selects: Selector) -> bytes | None:
    """Returns a packet without the properties that are selected; None if no property is left.

    Raises:
        UnreadableXmpError: The packet cannot be parsed.
    """
    document = _parsed(xmp)
    changed = False
    for element in _elements(document):
        for attribute in _attributes(element):
            if selects(attribute.namespaceURI or "", attribute.localName):
                element.removeAttributeNode(attribute)
                changed = True
        if selects(element.namespaceURI or "", element.localName) and element.parentNode:
            element.parentNode.removeChild(element)
            changed = True
    if not changed:
        return xmp
    return _packet(document) if any(_properties(document)) else None


def merged(xmp: bytes, extension: bytes) -> bytes:
    """Returns a packet with the properties of its extension, and without the pointer to it.

    Raises:
        UnreadableXmpError: One of both cannot be parsed.
    """
    document, more = _parsed(xmp), _parsed(extension)
    target, source = _rdf(document), _rdf(more)
    for element in _elements(document):
        for attribute in _attributes(element):
            if (attribute.namespaceURI, attribute.localName) == (_NOTE, "HasExtendedXMP"):
                element.removeAttributeNode(attribute)
        if (element.namespaceURI, element.localName) == (_NOTE, "HasExtendedXMP"):
            element.parentNode.removeChild(element)
    # prefixes may be declared anywhere above
    declared = [each for node in _ancestors(source) for each in _declarations(node)]
    for child in _children(source):
        copy = document.importNode(child, deep=True)
        for each in declared:
            if not copy.hasAttribute(each.name):
                copy.setAttributeNS(_XMLNS, each.name, each.value)
        target.appendChild(copy)
    return _packet(document)


def extended(xmp: bytes) -> tuple[bytes, list[bytes]]:
    """Splits a packet that is too long for a segment of JPEG.

    Args:
        xmp: A packet of any length.

    Returns:
        A packet with the short properties, and the contents of the segments of the extension, each
        behind :data:`EXTENDED_JPEG_HEADER`.

    Raises:
        UnreadableXmpError: The packet cannot be parsed.
    """
    import hashlib  # loads OpenSSL, and few packets are long

    document, more = _parsed(xmp), _parsed(xmp)
    for short, long in zip(_properties(document), _properties(more), strict=True):
        is_long = len(_serialized(short)) > _LONG_PROPERTY
        _remove(short if is_long else long)
    body = _serialized(more.documentElement)
    guid = hashlib.md5(body, usedforsecurity=False).hexdigest().upper()
    description = document.createElementNS(_RDF, "rdf:Description")
    description.setAttributeNS(_RDF, "rdf:about", "")
    description.setAttributeNS(_XMLNS, "xmlns:xmpNote", _NOTE)
    description.setAttributeNS(_NOTE, "xmpNote:HasExtendedXMP", guid)
    _rdf(document).appendChild(description)
    starts = range(0, len(body), _EXTENDED_CHUNK)
    head = guid.encode()
    return _packet(document), [
        head + struct.pack(">II", len(body), at) + body[at : at + _EXTENDED_CHUNK] for at in starts
    ]


def joined_extension(parts: Iterable[bytes], xmp: bytes) -> bytes | None:
    """Joins the segments of an extension.

    Args:
        parts: Contents of the segments behind :data:`EXTENDED_JPEG_HEADER`, in any order.
        xmp: The packet that names the extension.

    Returns:
        The extension; None if a part is missing, or if the packet names none of them.
    """
    held = dict[int, bytes]()
    length = 0
    for part in parts:
        if len(part) > 40 and part[:32] in xmp:
            length, offset = struct.unpack_from(">II", part, 32)
            held[offset] = part[40:]
    body = b"".join(held[offset] for offset in sorted(held))
    return body if body and len(body) == length else None


def _parsed(xmp: bytes) -> _Node:
    body = _PACKET.sub(b"", xmp).strip(b"\0 \r\n\t\xef\xbb\xbf")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:  # entities can expand without end
        raise UnreadableXmpError("it declares entities")
    from xml.dom import minidom  # few packets are parsed

    try:
        document = minidom.parseString(body)  # noqa: S318 declarations are refused above
    except Exception as error:  # expat raises many kinds
        raise UnreadableXmpError("it is no XML") from error
    _check_depth(document)
    _rdf(document)
    return document


def _check_depth(document: _Node) -> None:
    """Refuses a packet that is nested deeper than minidom, which recurses, can walk."""
    level, depth = [document], 0
    while level:
        level, depth = [child for node in level for child in node.childNodes], depth + 1
        if depth > _MAX_DEPTH:
            raise UnreadableXmpError("it is nested too deep")


def _rdf(document: _Node) -> _Node:
    found = document.getElementsByTagNameNS(_RDF, "RDF")
    if not found:
        raise UnreadableXmpError("it holds no RDF")
    return found[0]


def _packet(document: _Node) -> bytes:
    start = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
    return start + _serialized(document.documentElement) + b'\n<?xpacket end="w"?>'


def _serialized(node: _Node) -> bytes:
    if node.nodeType == Node.ATTRIBUTE_NODE:
        return str(node.value).encode()
    text: str = node.toxml()
    return text.encode()


def _children(element: _Node) -> list[_Node]:
    return [node for node in element.childNodes if node.nodeType == Node.ELEMENT_NODE]


def _elements(document: _Node) -> list[_Node]:
    """Returns all elements inside of RDF."""
    return list(_rdf(document).getElementsByTagName("*"))


def _attributes(element: _Node) -> list[_Node]:
    attributes = element.attributes
    found = [attributes.item(index) for index in range(attributes.length)]
    return [each for each in found if each.namespaceURI not in (_XMLNS, None)]


def _declarations(element: _Node) -> list[_Node]:
    attributes = element.attributes
    if attributes is None:
        return []
    found = [attributes.item(index) for index in range(attributes.length)]
    return [each for each in found if each.namespaceURI == _XMLNS]


def _ancestors(element: _Node) -> list[_Node]:
    found = [element]
    while (parent := found[-1].parentNode) is not None:
        found.append(parent)
    return found


def _properties(document: _Node) -> list[_Node]:
    """Returns the properties of the outermost descriptions, as elements or attributes."""
    found: list[_Node] = []
    for description in _children(_rdf(document)):
        found += [each for each in _attributes(description) if each.namespaceURI != _RDF]
        found += _children(description)
    return found


def _remove(node: _Node) -> None:
    if node.nodeType == Node.ATTRIBUTE_NODE:
        node.ownerElement.removeAttributeNode(node)
    else:
        node.parentNode.removeChild(node)
