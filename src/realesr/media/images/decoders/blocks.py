"""Metadata of formats that Pillow does not open, from their blocks."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image as PillowImage

from realesr.imaging.image import Metadata
from realesr.media.images.decoders.source import EncodedImage
from realesr.media.images.metadata import EXIF_PREFIX, read_metadata
from realesr.progress import Notice

_BIGTIFF = 43


def read_blocks(
    source: EncodedImage,
    *,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    tags: frozenset[int] | None = None,
) -> Metadata:
    """Returns metadata as for an image that Pillow has opened.

    Args:
        source: The file, for notices.
        icc: Color profile.
        exif: A TIFF stream, with or without the prefix ``Exif``; a whole TIFF file is one.
        xmp: XMP packet.
        tags: Tags of the first directory that are taken; None for all.
    """
    carrier = PillowImage.new("L", (1, 1))
    if icc:
        carrier.info["icc_profile"] = icc
    if xmp:
        carrier.info["xmp"] = xmp
    parsed = PillowImage.Exif()
    if exif:
        try:
            _parse(parsed, exif.removeprefix(EXIF_PREFIX))
            for tag in set(parsed) - (tags if tags is not None else set(parsed)):
                del parsed[tag]
        except Exception:  # Pillow's parser raises many kinds
            source.notify(Notice("metadata-damaged", "the EXIF block is damaged and left out"))
            parsed = PillowImage.Exif()
    return read_metadata(carrier, parsed, source.notify, source.data)


def _parse(exif: PillowImage.Exif, data: bytes) -> None:
    """Reads the first directory of a TIFF or BigTIFF."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    exif.bigtiff = int.from_bytes(data[2:4], order) == _BIGTIFF
    if not exif.bigtiff:
        exif.load_from_fp(io.BytesIO(data))
        return
    exif.endian = "<" if order == "little" else ">"
    exif.load_from_fp(io.BytesIO(data), int.from_bytes(data[8:16], order))


def linear_profile(primaries: tuple[float, ...] | None = None, *, is_gray: bool) -> bytes:
    """Returns an ICC profile of linear tone, with which viewers show such pixels as meant.

    Args:
        primaries: x and y of red, green, blue and white; None for those of sRGB.
        is_gray: Whether it is for an image of one channel.
    """
    import imagecodecs

    red_green_blue_white = primaries or (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
    pairs = list(zip(red_green_blue_white[::2], red_green_blue_white[1::2], strict=True))
    white = [*pairs[3], 1.0]
    if is_gray:
        profile = imagecodecs.cms_profile("gray", whitepoint=white, gamma=1.0)
    else:
        triples = [value for x, y in pairs[:3] for value in (x, y, 1.0)]
        profile = imagecodecs.cms_profile("rgb", whitepoint=white, primaries=triples, gamma=1.0)
    data = bytes(profile)
    return data[:24] + bytes(12) + data[36:]  # without the time at which it was made
