"""JPEG 2000: Pillow decodes up to 8 bits a channel, and imagecodecs more."""

from __future__ import annotations

import numpy as np

from realesr.imaging.image import Image
from realesr.media.images.decoders.levels import to_full_range
from realesr.media.images.decoders.pillow import (
    decode_pillow,
    finish_pillow,
    open_pillow,
)
from realesr.media.images.decoders.source import EncodedImage, gray_to_rgb
from realesr.media.images.metadata import read_exif
from realesr.progress import Notice, no_notice

_FORMAT = "JPEG2000"
_START = b"\xff\x4f\xff\x51"
"""SOC and SIZ, the first two markers of a codestream (ITU-T T.800, section A.5)."""
_FIRST_DEPTH = 42
"""Place of the depth of the first component behind them."""


def decode_jpeg_2000(source: EncodedImage) -> Image:
    """Decodes a JP2 file or a bare codestream.

    Raises:
        UnidentifiedImageError, OSError, ValueError, RuntimeError: It is damaged.
        UnsupportedMediaError: It is too large.
    """
    start = source.data.index(_START)
    depth = source.data[start + _FIRST_DEPTH]
    bits, is_signed = (depth & 0x7F) + 1, bool(depth & 0x80)
    if bits <= 8 and not is_signed:
        return decode_pillow(source, _FORMAT)
    library = source.require("imagecodecs", "imagecodecs")
    image = open_pillow(source, (_FORMAT,))
    exif = read_exif(image, source.data, source.notify)
    levels = library.jpeg2k_decode(source.data)
    if levels.ndim == 2:
        levels = levels[..., None]
    levels = to_full_range(levels, bits, source.notify if is_signed else no_notice)
    channels = levels.shape[2]
    is_gray = channels < 3
    colors = 1 if is_gray else 3
    has_alpha = channels == colors + 1 and image.mode in ("LA", "RGBA")
    if channels > colors + has_alpha:
        source.notify(
            Notice(
                "channels-dropped",
                f"{channels - colors - has_alpha} channels are left out: neither color nor alpha",
            )
        )
    decoded = Image(
        gray_to_rgb(levels[..., 0]) if is_gray else np.ascontiguousarray(levels[..., :3]),
        is_gray=is_gray,
        alpha=np.ascontiguousarray(levels[..., colors]) if has_alpha else None,
    )
    return finish_pillow(source, image, exif, decoded)
