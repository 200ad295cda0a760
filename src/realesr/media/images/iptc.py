"""IPTC-IIM records inside of Photoshop's image resources.

Adobe Photoshop File Formats Specification, Image Resource Blocks; IPTC-NAA IIM 4.2.
"""

from __future__ import annotations

import struct

PHOTOSHOP_HEADER = b"Photoshop 3.0\0"

_IPTC, _CLIPPING_PATHS = 0x0404, range(2000, 2998)
_PLACES = frozenset({(2, 26), (2, 27), (2, 90), (2, 92), (2, 95), (2, 100), (2, 101)})
"""Record and dataset of places: content location, city, sublocation, state, country."""


def read_resources(body: bytes) -> dict[int, bytes]:
    """Returns the resources by number; reading stops where the structure ends."""
    resources = dict[int, bytes]()
    at = 0
    while body[at : at + 4] == b"8BIM" and at + 12 <= len(body):
        (number,) = struct.unpack_from(">H", body, at + 4)
        at += 6 + (body[at + 6] + 2) // 2 * 2  # a name of even length, its length included
        if at + 4 > len(body):
            break
        (length,) = struct.unpack_from(">I", body, at)
        resources[number] = body[at + 4 : at + 4 + length]
        at += 4 + (length + 1) // 2 * 2
    return resources


def iptc_of(resources: dict[int, bytes]) -> bytes | None:
    """Returns the IPTC records among resources."""
    return resources.get(_IPTC) or None


def has_clipping_paths(resources: dict[int, bytes]) -> bool:
    """Returns whether there are paths, which are drawn for one size and are not carried."""
    return any(number in _CLIPPING_PATHS for number in resources)


def photoshop_segment(iptc: bytes) -> bytes:
    """Returns the content of an APP13 segment that holds IPTC records."""
    head = struct.pack(">4sHHI", b"8BIM", _IPTC, 0, len(iptc))
    return PHOTOSHOP_HEADER + head + iptc + bytes(len(iptc) % 2)


def without_places(iptc: bytes) -> bytes | None:
    """Returns the records without places, or None if none is left."""
    kept, at = b"", 0
    while at + 5 <= len(iptc) and iptc[at] == 0x1C:
        record, dataset, length = struct.unpack_from(">BBH", iptc, at + 1)
        head = 5
        if length & 0x8000:  # extended datasets: the length of the length
            head += length & 0x7FFF
            length = int.from_bytes(iptc[at + 5 : at + head])
        end = at + head + length
        if (record, dataset) not in _PLACES:
            kept += iptc[at:end]
        at = end
    return kept or None
