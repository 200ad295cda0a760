"""HEIF with HEVC, such as HEIC: pillow-heif decodes it with libheif, in all its depths."""

from __future__ import annotations

import io

import numpy as np

from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.media.images.c_output import caught_output
from realesr.media.images.decoders.blocks import read_blocks
from realesr.media.images.decoders.levels import dtype_of
from realesr.media.images.decoders.source import EncodedImage, finish, gray_to_rgb


def decode_heif(source: EncodedImage) -> Image:
    """Decodes the primary image of a HEIF file.

    libheif turns and crops it; the orientation that EXIF states as well counts no more (ISO/IEC
    23008-12, section 6.5.10).

    Raises:
        ValueError, EOFError, SyntaxError, RuntimeError, OSError: It is damaged.
        UnsupportedMediaError: It is too large, or pillow-heif is not installed.
    """
    library = source.require("pillow_heif", "pillow-heif")
    with caught_output() as lines:
        # Values of 10 and 12 bits as they are: stretched to 16, their peak would not be white.
        file = library.open_heif(
            io.BytesIO(source.data), convert_hdr_to_8bit=False, hdr_to_16bit=False
        )
        heif = file[file.primary_index]
        source.check_size(*heif.size)
        levels = np.asarray(heif)
    if lines:
        source.notify_damage("; ".join(lines))
    source.notify_pages(len(file))
    bits = int(heif.info.get("bit_depth", 8))
    levels = convert_depth(levels, dtype_of(bits), bits=bits)
    channels = 1 if levels.ndim == 2 else levels.shape[2]
    alpha = np.ascontiguousarray(levels[..., -1]) if channels in (2, 4) else None
    if channels <= 2:
        image = Image(
            gray_to_rgb(levels if levels.ndim == 2 else levels[..., 0]), is_gray=True, alpha=alpha
        )
    else:
        image = Image(np.ascontiguousarray(levels[..., :3]), alpha=alpha)
    info = heif.info
    metadata = read_blocks(
        source, icc=info.get("icc_profile"), exif=info.get("exif"), xmp=info.get("xmp")
    )
    return finish(image, metadata)
