"""Encoding of image files: the steps that all formats share. Each format has its own module."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from realesr.errors import UnwritableMediaError
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata
from realesr.media.formats import IMAGES, ImageFormat
from realesr.media.images.avif import encode_avif
from realesr.media.images.bmp import encode_bmp
from realesr.media.images.channels import Buffer, Channels, join_channels
from realesr.media.images.fitting import fit_metadata, stripped
from realesr.media.images.jpeg import encode_jpeg
from realesr.media.images.metadata import suppress_pillow_warnings
from realesr.media.images.png import encode_png
from realesr.media.images.tiff import encode_tiff
from realesr.media.images.webp import encode_webp
from realesr.options import DEFAULT_ENCODING, EncodingOptions
from realesr.progress import Notice, Notify, no_notice


def encode_image(
    image: Image,
    destination: Path,
    options: EncodingOptions = DEFAULT_ENCODING,
    notify: Notify = no_notice,
    target: ImageFormat | None = None,
) -> Iterable[Buffer]:
    """Encodes an image in the format that the suffix of the destination stands for.

    Args:
        image: Image of either depth; 16 bits are rounded to 8 if the format holds no more.
        destination: Path that gives the format, and the name in errors.
        options: Quality, or lossless, and what of the metadata is left out.
        notify: Receives a sentence for everything that is left out.
        target: Output format; None for the format of the destination's suffix.

    Returns:
        The parts of the file, in order; they may be encoded lazily, as they are consumed.

    Raises:
        UnsupportedMediaError: The suffix is not that of an image format.
        UnwritableMediaError: The format cannot hold the image, alpha included.
    """
    target = target or IMAGES.format_of(destination)
    if image.alpha is not None and not target.supports_alpha:
        raise UnwritableMediaError(f"{destination}: {target.name} holds no alpha")
    is_gray = image.is_gray and target.supports_gray
    depth = image.pixels.dtype if target.supports_16_bit else np.dtype(np.uint8)
    stays_gray = is_gray and (image.alpha is None or _holds_gray_alpha(target, depth))
    with suppress_pillow_warnings:
        metadata = stripped(image.metadata, options)
        metadata = fit_metadata(metadata, target, image.size, is_gray=stays_gray, notify=notify)
    if depth != image.pixels.dtype:
        notify(
            Notice("depth-reduced", f"{target.name} holds 8 bits a channel: the others are rounded")
        )
    pixels = convert_depth(image.pixels, depth)
    alpha = None if image.alpha is None else convert_depth(image.alpha, depth)
    channels = join_channels(pixels, alpha, is_gray=is_gray)
    try:
        with suppress_pillow_warnings:
            return _encode(channels, target, metadata, options)
    except (cv2.error, OSError, ValueError, struct.error) as error:
        reason = " ".join(str(error).split())
        raise UnwritableMediaError(f"{destination}: cannot be encoded: {reason}") from error


def _holds_gray_alpha(target: ImageFormat, depth: np.dtype[np.unsignedinteger]) -> bool:
    """Returns whether gray with alpha is written with two channels; else it becomes RGBA."""
    return target.name == "PNG" or (target.name == "TIFF" and depth == np.uint8)


def _encode(
    channels: Channels, target: ImageFormat, metadata: Metadata, options: EncodingOptions
) -> Iterable[Buffer]:
    match target.name:
        case "PNG":
            return encode_png(channels, metadata)
        case "JPEG":
            return encode_jpeg(channels, metadata, options.quality)
        case "TIFF":
            return encode_tiff(channels, metadata)
        case "WEBP":
            return [encode_webp(channels, metadata, options)]
        case "AVIF":
            return encode_avif(channels, metadata, options)
        case "BMP":
            return encode_bmp(channels, metadata)
        case _:
            raise ValueError(f"no encoder for {target.name}")
