"""Image files put together from their parts."""

import io
import struct
import zlib

from PIL import Image as PillowImage

from support.images import COLOR


def png(*chunks, pixels=COLOR):
    """A PNG with further chunks (kind, body) behind its header."""
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG")
    data = buffer.getvalue()
    more = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return data[:33] + more + data[33:]


def png_chunks(data):
    """The chunks of a PNG by kind."""
    found, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.setdefault(kind, []).append(data[at + 8 : at + 8 + length])
        at += 12 + length
    return found


def jpeg(*segments, pixels=COLOR, tail=b"", **options):
    """A JPEG with further segments (marker, body) behind that of JFIF, and with a tail."""
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "JPEG", **options)
    data = buffer.getvalue()
    more = b"".join(
        bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    return data[:20] + more + data[20:] + tail
