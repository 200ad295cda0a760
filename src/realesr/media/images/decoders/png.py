"""PNG: Pillow decodes up to 8 bits a channel, and OpenCV 16."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from realesr.errors import RealesrError, UnreadableMediaError
from realesr.imaging.image import Image, Plane
from realesr.media.images.decoders.levels import PEAK
from realesr.media.images.decoders.opencv import decode_with_opencv
from realesr.media.images.decoders.pillow import convert, finish_pillow, open_pillow
from realesr.media.images.decoders.png_chunks import Chunks, leave_out_odd, read_chunks
from realesr.media.images.decoders.source import EncodedImage, gray_to_rgb
from realesr.media.images.metadata import read_exif

_DEPTH, _COLOR_TYPE = 24, 25
"""Places of two bytes of IHDR, which is always the first chunk."""
_GRAY_COLOR_TYPES = (0, 4)


def decode_png(source: EncodedImage) -> Image:
    """Decodes a PNG; optional chunks that are damaged or odd are left out, with a notice.

    Raises:
        UnidentifiedImageError, OSError, ValueError, SyntaxError: It is damaged.
        UnsupportedMediaError: It is too large.
    """
    chunks = read_chunks(source)
    try:
        return _decode(source, chunks)
    except RealesrError:
        raise
    except Exception:
        if not leave_out_odd(source, chunks):
            raise
    return _decode(source, chunks)


def _decode(source: EncodedImage, chunks: Chunks) -> Image:
    image = open_pillow(replace(source, data=chunks.file()), ("PNG",))
    exif = read_exif(image, source.data, source.notify)
    bits = source.data[_DEPTH]
    image.load()
    decoded = _decode_16_bits(source, chunks, image) if bits > 8 else convert(source, image, bits)
    source.notify_pages(getattr(image, "n_frames", 1))
    _add_large_texts(image, chunks)
    return finish_pillow(source, image, exif, decoded)


def _decode_16_bits(source: EncodedImage, chunks: Chunks, image: PillowImage.Image) -> Image:
    # Of an animation OpenCV would return another image than the first: it sees no other chunks.
    levels, words = decode_with_opencv(chunks.file(b"tRNS"))
    if levels is None or levels.dtype != np.uint16:
        raise UnreadableMediaError(f"{source.path}: damaged: {words or 'OpenCV cannot decode it'}")
    key = image.info.get("transparency")
    if levels.ndim == 2:
        gray = cast(Plane, levels)
        alpha = None if key is None else np.where(gray == key, 0, PEAK).astype(np.uint16)
        return Image(gray_to_rgb(gray), is_gray=True, alpha=alpha)
    has_alpha = levels.shape[2] == 4 and image.mode in ("RGBA", "LA")
    return Image(
        np.ascontiguousarray(levels[..., 2::-1]),
        is_gray=source.data[_COLOR_TYPE] in _GRAY_COLOR_TYPES,
        # OpenCV turns a transparent color into alpha
        alpha=np.ascontiguousarray(levels[..., 3]) if has_alpha or key is not None else None,
    )


def _add_large_texts(image: PillowImage.Image, chunks: Chunks) -> None:
    """Adds what Pillow was not given, where it would have put it."""
    if chunks.icc:
        image.info["icc_profile"] = chunks.icc
    for keyword, text in chunks.texts.items():
        image.info[keyword] = text
        if isinstance(image, PngImagePlugin.PngImageFile):
            image.text[keyword] = text
