"""What Pillow reads: headers and metadata of most formats, and pixels of 8 bits."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.errors import UnsupportedMediaError
from realesr.imaging.color import ColorDescription
from realesr.imaging.image import Image
from realesr.media import gif_blocks
from realesr.media.images.c_output import caught_output
from realesr.media.images.decoders.colors import cmyk_to_rgb, lab_to_rgb
from realesr.media.images.decoders.source import EncodedImage, finish, gray_to_rgb
from realesr.media.images.metadata import read_exif, read_metadata, without_limit

GRAY_MODES = ("1", "L", "LA", "La", "I;16", "I;16B")
COLOR_MODES = ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV")

_WITHOUT_PAGES = ("MPO", "PSD")
"""MPO's second image is a preview or a stereo view; a PSD's others are its layers."""
_OF_TAGS = re.compile(r"[Uu]nknown field|[Uu]nexpected field|tags are not sorted|Nonstandard tag")
"""Warnings of libtiff that do not concern pixels."""


def open_pillow(source: EncodedImage, formats: tuple[str, ...]) -> PillowImage.Image:
    """Reads a header and checks the size.

    Pillow's own limit on sizes is off meanwhile: ours names the option that lifts it.

    Args:
        source: The file.
        formats: Pillow's names of the formats that are tried.

    Raises:
        UnidentifiedImageError, OSError, ValueError, SyntaxError: It is damaged.
        UnsupportedMediaError: It is too large.
    """
    if source.data[:6] in gif_blocks.SIGNATURES:  # opening one takes memory for its pixels
        source.check_size(*gif_blocks.extent(io.BytesIO(source.data), frames=1))
    with without_limit():
        image = PillowImage.open(io.BytesIO(source.data), formats=formats)
    source.check_size(image.width, image.height)
    return image


def decode_pillow(source: EncodedImage, *formats: str) -> Image:
    """Decodes a file of up to 8 bits a channel.

    Args:
        source: The file.
        formats: Pillow's names of the formats that are tried.

    Raises:
        UnidentifiedImageError, OSError, ValueError, SyntaxError: It is damaged.
        UnsupportedMediaError: It is too large, or has colors that are not read.
    """
    image = open_pillow(source, formats)
    exif = read_exif(image, source.data, source.notify)
    if image.format not in _WITHOUT_PAGES:
        source.notify_pages(getattr(image, "n_frames", 1))
    if image.format == "TIFF":
        with caught_output() as lines:
            image.load()
        if damage := [line for line in lines if not _OF_TAGS.search(line)]:
            source.notify_damage("; ".join(damage))
    else:
        image.load()
    return finish_pillow(source, image, exif, convert(source, image))


def finish_pillow(
    source: EncodedImage, image: PillowImage.Image, exif: PillowImage.Exif, decoded: Image
) -> Image:
    """Turns a decoded image upright, and adds the metadata that Pillow has read."""
    metadata = read_metadata(image, exif, source.notify, source.data)
    if image.mode in ("CMYK", "LAB"):  # the pixels are sRGB now
        metadata = replace(metadata, icc=None, color=ColorDescription())
    # Pillow turns TIFF images itself
    turn = 1 if image.format == "TIFF" else exif.get(ExifTags.Base.Orientation, 1)
    return finish(decoded, metadata, turn)


def convert(source: EncodedImage, image: PillowImage.Image, bits: int = 8) -> Image:
    """Converts a loaded image of up to 8 bits a channel to gray or RGB, as stored.

    Args:
        source: The file.
        image: Its pixels.
        bits: Bits a channel.

    Raises:
        UnsupportedMediaError: The colors are none that are read.
    """
    if image.mode not in GRAY_MODES + COLOR_MODES:
        raise UnsupportedMediaError(
            f"{source.path}: {image.format} images of mode {image.mode} are not read; "
            "convert it to RGB or gray of 8 or 16 bits"
        )
    icc = image.info.get("icc_profile")
    if image.mode == "CMYK":
        return Image(cmyk_to_rgb(np.asarray(image), icc, source.notify))
    if image.mode == "LAB":
        return Image(lab_to_rgb(np.asarray(image), source.notify))
    is_gray = image.mode in GRAY_MODES
    key = image.info.get("transparency")
    if image.mode == "L" and isinstance(key, int):
        # Pillow stretches levels of 2 and 4 bits to 8, but not the one that is transparent.
        image.info["transparency"] = key * 255 // (2**bits - 1)
    if image.has_transparency_data:
        values = np.asarray(image.convert("LA" if is_gray else "RGBA"))
        alpha = np.ascontiguousarray(values[..., -1])
        values = values[..., 0] if is_gray else values[..., :3]
    else:
        values, alpha = np.asarray(image.convert("L" if is_gray else "RGB")), None
    if is_gray:
        values = gray_to_rgb(values)
    return Image(np.ascontiguousarray(values), is_gray=is_gray, alpha=alpha)
