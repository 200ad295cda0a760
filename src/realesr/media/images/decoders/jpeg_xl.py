"""JPEG XL: imagecodecs decodes it with libjxl, which it gives no metadata of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from realesr.imaging.image import Image, Metadata
from realesr.media.images.decoders.blocks import linear_profile, read_blocks
from realesr.media.images.decoders.jpeg_xl_header import Header, read_header
from realesr.media.images.decoders.levels import alpha_levels, to_full_range, unpremultiply
from realesr.media.images.decoders.source import EncodedImage, finish, gray_to_rgb
from realesr.progress import Notice

_CODESTREAM = b"\xff\x0a"
_LARGEST_BLOCK = 2**26
"""Size up to which compressed metadata is expanded, bytes."""
_OFFSET = 4
"""Bytes in front of the TIFF stream of a box ``Exif`` (ISO/IEC 18181-2, section 9.6)."""


def decode_jpeg_xl(source: EncodedImage) -> Image:
    """Decodes the first image of a JPEG XL file, of integers or floats.

    libjxl turns it; the orientation in EXIF counts no more.

    Raises:
        ValueError, IndexError, RuntimeError: It is damaged.
        UnsupportedMediaError: It is too large, or imagecodecs is not installed.
    """
    library = source.require("imagecodecs", "imagecodecs")
    boxes = dict(_boxes(source.data))
    header = read_header(boxes[b"codestream"])
    source.check_size(header.width, header.height)
    samples = library.jpegxl_decode(source.data, index=0)
    if header.is_animated:
        source.notify(Notice("pages-dropped", "is animated: only the first image is taken"))
    if samples.ndim == 2:
        samples = samples[..., None]
    colors = 1 if samples.shape[2] < 3 else 3
    levels = to_full_range(np.ascontiguousarray(samples[..., :colors]), header.bits, source.notify)
    alpha = None
    if samples.shape[2] > colors:
        plane = np.ascontiguousarray(samples[..., colors])
        is_float = plane.dtype.kind == "f"
        alpha = (
            alpha_levels(plane) if is_float else to_full_range(plane, header.bits, source.notify)
        )
    pixels = gray_to_rgb(levels[..., 0]) if colors == 1 else levels
    if alpha is not None and header.is_premultiplied:
        pixels = unpremultiply(pixels, alpha)
    image = Image(pixels, is_gray=colors == 1, alpha=alpha)
    return finish(image, _metadata(source, header, boxes))


def _metadata(source: EncodedImage, header: Header, boxes: dict[bytes, bytes]) -> Metadata:
    icc = None
    if header.is_linear:
        icc = linear_profile(is_gray=header.is_gray)
    elif not header.is_srgb:
        source.notify(
            Notice("color-profile-dropped", "the color description of JPEG XL is left out")
        )
    exif = boxes.get(b"Exif", b"")[_OFFSET:]
    return read_blocks(source, icc=icc, exif=exif or None, xmp=boxes.get(b"xml "))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the codestream, and the boxes with metadata (ISO/IEC 18181-2, section 9)."""
    if data.startswith(_CODESTREAM):
        yield b"codestream", data
        return
    parts = []
    start = 0
    while start + 8 <= len(data):
        length, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        body = start + 8
        if length == 1:
            length, body = int.from_bytes(data[body : body + 8], "big"), body + 8
        end = len(data) if length == 0 else start + length
        if end < body:
            raise ValueError("a box has an invalid length")
        if kind in (b"jxlc", b"jxlp"):
            parts.append(data[body + (4 if kind == b"jxlp" else 0) : end])
        elif kind in (b"Exif", b"xml "):
            yield kind, data[body:end]
        elif kind == b"brob":
            yield data[body : body + 4], _expanded(data[body + 4 : end])
        start = end
    yield b"codestream", b"".join(parts)


def _expanded(data: bytes) -> bytes:
    """Expands a compressed box; empty if that is not possible."""
    import imagecodecs

    try:
        return bytes(imagecodecs.brotli_decode(data, out=_LARGEST_BLOCK))
    except (RuntimeError, ValueError):
        return b""
