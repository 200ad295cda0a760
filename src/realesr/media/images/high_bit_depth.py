"""Decoding of images with more than 8 bits a channel, which Pillow cannot hold."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Pixels, Plane

# Tags of TIFF 6.0 and their values
_PHOTOMETRIC, _WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 262, 0, 1, 2
_PLANAR_CONFIGURATION, _INTERLEAVED = 284, 1
_EXTRA_SAMPLES, _MULTIPLIED_ALPHA = 338, 1
_SAMPLE_FORMAT, _UNSIGNED = 339, 1

_PNG_GRAY_COLOR_TYPES = (0, 4)
_PEAK = 65_535


def check_high_bit_depth_tiff(path: Path, image: TiffImagePlugin.TiffImageFile, bits: int) -> None:
    """Checks, before decoding, that OpenCV decodes a TIFF of more than 8 bits correctly.

    Args:
        path: Name of the file in errors.
        image: The file, opened by Pillow.
        bits: Bits a channel.

    Raises:
        UnsupportedMediaError: OpenCV would decode it wrong.
    """
    photometric = _tag(image, _PHOTOMETRIC)
    is_color = photometric == _RGB
    problems = (
        (bits != 16, f"{bits} bits a channel"),
        (_tag(image, _SAMPLE_FORMAT, _UNSIGNED) != _UNSIGNED, "signed or floating-point values"),
        (photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB), "colors other than RGB"),
        (
            is_color and _tag(image, _PLANAR_CONFIGURATION, _INTERLEAVED) != _INTERLEAVED,
            "16 bits in separate planes",
        ),
    )
    for is_present, what in problems:
        if is_present:
            raise UnsupportedMediaError(
                f"{path}: a TIFF with {what} is not read; convert it to interleaved RGB or gray "
                "of 8 or 16 bits"
            )


def decode_high_bit_depth(path: Path, image: PillowImage.Image, data: bytes, bits: int) -> Image:
    """Decodes a PNG or TIFF of 16 bits, or an AVIF of 10 or 12, with OpenCV.

    Args:
        path: Name of the file in errors.
        image: The file, opened by Pillow.
        data: Content of the file.
        bits: Bits a channel.

    Returns:
        The image, uint16 over the full range; TIFF upright, others as stored.

    Raises:
        UnreadableMediaError: OpenCV cannot decode it.
    """
    try:
        levels = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error as error:
        raise UnreadableMediaError(f"{path}: OpenCV cannot decode it: {error.err}") from error
    if levels is None or levels.dtype != np.uint16:
        raise UnreadableMediaError(f"{path}: damaged, or of a kind that OpenCV cannot decode")
    values = convert_depth(cast(Plane, levels), np.dtype(np.uint16), bits=bits)
    if values.ndim == 2:
        return _from_gray(values, image)
    has_alpha = values.shape[2] == 4 and image.mode in ("RGBA", "LA")
    pixels = np.ascontiguousarray(values[..., 2::-1])
    alpha = np.ascontiguousarray(values[..., 3]) if has_alpha or _has_color_key(image) else None
    if alpha is not None and _tag(image, _EXTRA_SAMPLES) == _MULTIPLIED_ALPHA:
        pixels = _unpremultiply(pixels, alpha)
    is_gray = image.format == "PNG" and data[25] in _PNG_GRAY_COLOR_TYPES
    return Image(pixels, is_gray=is_gray, alpha=alpha)


def _from_gray(values: Plane, image: PillowImage.Image) -> Image:
    if _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = _PEAK - values
    key = image.info.get("transparency")
    alpha = None if key is None else np.where(values == key, 0, _PEAK).astype(np.uint16)
    return Image(np.repeat(values[..., None], 3, axis=2), is_gray=True, alpha=alpha)


def _has_color_key(image: PillowImage.Image) -> bool:
    """Returns whether a color is transparent: in RGB images OpenCV converts it to alpha."""
    return image.info.get("transparency") is not None


def _unpremultiply(pixels: Pixels, alpha: Plane) -> Pixels:
    """Divides premultiplied colors by their alpha."""
    divisor = np.maximum(alpha, 1)[..., None].astype(np.float32)
    return np.minimum(np.rint(pixels * (_PEAK / divisor)), _PEAK).astype(np.uint16)


def _tag(image: PillowImage.Image, tag: int, default: int | None = None) -> int | None:
    """Returns the value of a TIFF tag, that of the first channel if there are several.

    Images of other formats have no tags: None.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return None
    value = image.tag_v2.get(tag, default)
    return cast(int, value[0] if isinstance(value, tuple) else value)
