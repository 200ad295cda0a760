"""JPEG: Pillow reads the header, imagecodecs the pixels, and libjpeg's warnings are heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image as PillowImage

from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.imaging.jpeg_color import ChromaCoding, smooth_chroma
from realesr.media.images.c_output import can_catch
from realesr.media.images.decoders.colors import cmyk_to_rgb
from realesr.media.images.decoders.jpeg_structure import (
    END,
    FrameHeader,
    frame_header,
    has_all_scans,
    has_end,
)
from realesr.media.images.decoders.levels import dtype_of
from realesr.media.images.decoders.opencv import jpeg_damage
from realesr.media.images.decoders.pillow import convert, finish_pillow, open_pillow
from realesr.media.images.decoders.source import EncodedImage, gray_to_rgb
from realesr.media.images.limits import check_scans
from realesr.media.images.metadata import read_exif
from realesr.progress import Notice

_FORMATS = ("JPEG", "MPO")
_USUAL_PRECISION = 8


def decode_jpeg(source: EncodedImage) -> Image:
    """Decodes a JPEG of 8 bits, or of 12 and other precisions, which become 16.

    Raises:
        UnidentifiedImageError, OSError, ValueError, SyntaxError, RuntimeError: It is damaged, or
            pixels are missing.
        UnsupportedMediaError: It is too large.
    """
    frame = frame_header(source.data)
    if frame is None:
        raise ValueError("it has no frame header")
    check_scans(source.path, source.data)
    image = open_pillow(replace(source, data=_readable_header(source.data, frame)), _FORMATS)
    exif = read_exif(image, source.data, source.notify)
    is_complete = has_end(source.data)
    data = source.data if is_complete else source.data + END
    _check(source, data, frame, is_complete=is_complete)
    if frame.precision == _USUAL_PRECISION and (image.mode == "CMYK" or not can_catch()):
        image.load()
        decoded = convert(source, image)
    else:
        decoded = _decode(source, data, image, frame)
    codings = _chroma_codings(image, frame) if source.smooth_color else None
    if codings is not None:
        decoded = replace(decoded, pixels=smooth_chroma(decoded.pixels, *codings))
    return finish_pillow(source, image, exif, decoded)


def _chroma_codings(
    image: PillowImage.Image, frame: FrameHeader
) -> tuple[ChromaCoding, ChromaCoding] | None:
    """Returns how Cb and Cr are stored; None if the file has none, or an uncommon precision."""
    is_rgb = image.info.get("adobe_transform") == 0 or frame.components == b"RGB"
    if frame.precision != _USUAL_PRECISION or image.mode != "RGB" or is_rgb:
        return None
    tables: Mapping[int, Sequence[int]] = getattr(image, "quantization", {})
    finest = [max(each[axis] for each in frame.sampling) for axis in (0, 1)]
    found = []
    for across, down, table in frame.sampling[1:]:
        if table not in tables or finest[0] % across or finest[1] % down:
            return None
        steps = np.array(tables[table], np.float32).reshape(8, 8)
        found.append(ChromaCoding(steps, finest[0] // across, finest[1] // down))
    return found[0], found[1]


def _readable_header(data: bytes, frame: FrameHeader) -> bytes:
    """Returns a file whose metadata Pillow reads: it knows no precision but 8."""
    if frame.precision == _USUAL_PRECISION:
        return data
    return data[: frame.offset] + bytes([_USUAL_PRECISION]) + data[frame.offset + 1 :]


def _check(source: EncodedImage, data: bytes, frame: FrameHeader, *, is_complete: bool) -> None:
    """Gives notice of damage that libjpeg warns about.

    Raises:
        ValueError: The file ends before its pixels do.
    """
    words = None
    if frame.precision == _USUAL_PRECISION and can_catch():
        words = jpeg_damage(data)
    if is_complete:
        if words:
            source.notify_damage(words)
        return
    # of arithmetic coding libjpeg takes zeros behind the end, without a warning
    if words != "" or frame.is_arithmetic or not has_all_scans(data, frame):
        raise ValueError("pixels are missing at its end")
    source.notify(
        Notice("image-damaged", "ends without its end marker, but all its pixels are there")
    )


def _decode(
    source: EncodedImage, data: bytes, image: PillowImage.Image, frame: FrameHeader
) -> Image:
    import imagecodecs

    levels = imagecodecs.jpeg8_decode(data)
    if levels.shape[:2] != (image.height, image.width):
        raise ValueError("its size is not the one that its header states")
    levels = convert_depth(levels, dtype_of(frame.precision), bits=frame.precision)
    if levels.ndim == 2:
        return Image(gray_to_rgb(levels), is_gray=True)
    if levels.shape[2] == 4:  # Adobe's inks are inverted
        inks = np.iinfo(levels.dtype).max - levels
        return Image(cmyk_to_rgb(inks, image.info.get("icc_profile"), source.notify))
    return Image(levels)
