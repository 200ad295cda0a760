"""Picture files: OpenCV for the pixels, Pillow for what their headers say.

BGR exists only here.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from realesr.errors import UnreadableMediaError, UnsupportedMediaError, UnwritableMediaError
from realesr.imaging.image import Image

ENCODER_OPTIONS: dict[str, list[int]] = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}
GRAY_MODES = ("1", "L")
COLOR_MODES = ("RGB", "P", "CMYK", "YCbCr")


def read_image(path: Path) -> Image:
    """Reads an 8-bit colour or grey picture; its EXIF orientation is applied.

    Raises:
        UnreadableMediaError: The file cannot be opened, or is damaged, cut short or no picture.
        UnsupportedMediaError: The picture has transparency or more than 8 bits a channel.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableMediaError(f"{path}: {error.strerror or error}") from error
    is_gray = _check(path, data)
    flags = cv2.IMREAD_GRAYSCALE if is_gray else cv2.IMREAD_COLOR_RGB
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise UnreadableMediaError(f"{path}: OpenCV cannot decode it: {error.err}") from error
    if pixels is None:
        raise UnreadableMediaError(f"{path}: damaged, or not a picture that can be read")
    if is_gray:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return Image(pixels.astype(np.uint8, copy=False), is_gray=is_gray)


def encode_image(image: Image, destination: Path) -> bytes:
    """Encodes a picture in the format that the suffix of ``destination`` stands for.

    Raises:
        UnwritableMediaError: The format cannot hold the picture.
    """
    pixels = image.pixels[..., 0] if image.is_gray else image.pixels[..., ::-1]
    suffix = destination.suffix.lower()
    options = ENCODER_OPTIONS.get(suffix, [])
    try:
        encoded, data = cv2.imencode(suffix, np.ascontiguousarray(pixels), options)
    except cv2.error as error:
        raise UnwritableMediaError(
            f"{destination}: OpenCV cannot encode it: {error.err}"
        ) from error
    if not encoded:
        raise UnwritableMediaError(
            f"{destination}: {image.size} px do not fit into {suffix}; choose another format"
        )
    return data.tobytes()


def _check(path: Path, data: bytes) -> bool:
    """Decodes once with Pillow, which notices missing data; returns whether the picture is grey."""
    if not data:
        raise UnreadableMediaError(f"{path}: the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
            picture = PillowImage.open(io.BytesIO(data))
            picture.load()
    except UnidentifiedImageError as error:
        raise UnreadableMediaError(f"{path}: not a picture, or of an unknown format") from error
    except Exception as error:  # Pillow's decoders raise many kinds on damaged data
        raise UnreadableMediaError(f"{path}: damaged or unsafe: {error}") from error
    if picture.mode not in GRAY_MODES + COLOR_MODES or picture.has_transparency_data:
        raise UnsupportedMediaError(
            f"{path}: pictures of mode {picture.mode} (transparency, or more than 8 bits) are not "
            "read yet; convert it to 8-bit RGB or grey"
        )
    return picture.mode in GRAY_MODES
