"""Reading of image files.

Pillow reads every image: it detects missing data, and supports palettes, transparent colors,
orientation and metadata, which OpenCV loses. Pillow holds 8 bits a channel, so OpenCV decodes the
pixels of deeper images a second time (:mod:`realesr.media.images.high_bit_depth`).
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, TiffImagePlugin, UnidentifiedImageError
from PIL import Image as PillowImage

from realesr.errors import RealesrError, UnreadableMediaError, UnsupportedMediaError
from realesr.imaging.image import Image
from realesr.media.formats import IMAGE_FORMATS
from realesr.media.images.high_bit_depth import check_high_bit_depth_tiff, decode_high_bit_depth
from realesr.media.images.metadata import read_metadata, suppress_pillow_warnings
from realesr.media.images.reading import read_bytes
from realesr.options import DEFAULT_MAX_PIXELS
from realesr.progress import Notice, Notify, no_notice

GRAY_MODES = ("1", "L", "LA", "La", "I;16", "I;16B")
COLOR_MODES = ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr")

_PILLOW_NAMES = tuple(spec.name for spec in IMAGE_FORMATS)
_PILLOW_LIMIT = threading.Lock()


def read_image(
    path: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS, notify: Notify = no_notice
) -> Image:
    """Reads an image and turns it upright.

    Args:
        path: PNG, JPEG, WebP, TIFF, BMP or AVIF, whatever its suffix; or ``-`` for standard
            input.
        max_pixels: Largest image that is decoded, px; the size in the header counts.
        notify: Receives a sentence for everything that the result does not carry.

    Returns:
        The image, uint8 if the file has up to 8 bits a channel, else uint16, over the full range.
        Palettes and transparent colors are converted to colors and alpha, which is not
        premultiplied.

    Raises:
        UnreadableMediaError: The file cannot be opened, or is damaged, truncated or not an image.
        UnsupportedMediaError: The image is too large, or of a type that is not supported.
    """
    return decode_image(read_bytes(path), path, max_pixels=max_pixels, notify=notify)


def decode_image(
    data: bytes,
    path: Path,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    notify: Notify = no_notice,
) -> Image:
    """Decodes the bytes of an image file as :func:`read_image` does.

    Args:
        data: Content of the file.
        path: Name of the file in errors.
        max_pixels: As for :func:`read_image`.
        notify: As for :func:`read_image`.

    Returns:
        The image, as from :func:`read_image`.

    Raises:
        UnreadableMediaError, UnsupportedMediaError: As :func:`read_image`.
    """
    if not data:
        raise UnreadableMediaError(f"{path}: the file is empty")
    with _decoder_errors(path):
        image = _open(data)
        _check_size(path, image, max_pixels)
        exif = image.getexif()
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # MPO's second image is a preview or a stereo view
            notify(Notice("pages-dropped", f"holds {frames} images: only the first is taken"))
        bits = _bits(image, data)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            _check_tiff(path, image, bits, len(data))
        image.load()
        metadata = read_metadata(image, exif, notify)
    if image.mode not in GRAY_MODES + COLOR_MODES:
        raise UnsupportedMediaError(
            f"{path}: {image.format} images of mode {image.mode} are not read; "
            "convert it to RGB or gray of 8 or 16 bits"
        )
    decoded = (
        _decode_8_bits(image, bits) if bits <= 8 else decode_high_bit_depth(path, image, data, bits)
    )
    # both decoders turn TIFF images themselves
    turn = 1 if image.format == "TIFF" else exif.get(ExifTags.Base.Orientation, 1)
    return replace(
        decoded,
        pixels=_apply_orientation(decoded.pixels, turn),
        alpha=None if decoded.alpha is None else _apply_orientation(decoded.alpha, turn),
        metadata=metadata,
    )


@contextmanager
def _decoder_errors(path: Path) -> Iterator[None]:
    """Turns the exceptions of Pillow's decoders into errors that name the file."""
    try:
        with suppress_pillow_warnings:
            yield
    except RealesrError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableMediaError(
            f"{path}: not an image, or none of {', '.join(_PILLOW_NAMES)} that can be read"
        ) from error
    except Exception as error:
        raise UnreadableMediaError(f"{path}: damaged or cut short: {error}") from error


def _open(data: bytes) -> PillowImage.Image:
    """Reads the header, without Pillow's limit on sizes: ours names the option that lifts it."""
    with _PILLOW_LIMIT:
        limit, PillowImage.MAX_IMAGE_PIXELS = PillowImage.MAX_IMAGE_PIXELS, None
        try:
            return PillowImage.open(io.BytesIO(data), formats=_PILLOW_NAMES)
        finally:
            PillowImage.MAX_IMAGE_PIXELS = limit


def _check_size(path: Path, image: PillowImage.Image, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise UnsupportedMediaError(
            f"{path}: says to be {image.width}x{image.height} px, more than {max_pixels} in "
            f"all: if it is no trap, allow it with `max_pixels` {pixels}"
        )


def _bits(image: PillowImage.Image, data: bytes) -> int:
    """Returns the bits a channel that the header states."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, 1)
        return max(bits) if isinstance(bits, tuple) else int(bits)
    if image.format == "PNG":
        return data[24]  # in IHDR, always the first chunk
    if image.format == "AVIF":
        # AV1 codec configuration, section 2.3: the third byte holds high_bitdepth and twelve_bit
        flags = data[data.index(b"av1C") + 6]
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    return 8


def _check_tiff(
    path: Path, image: TiffImagePlugin.TiffImageFile, bits: int, size_bytes: int
) -> None:
    """Refuses files that libtiff would print a warning about or that would be decoded wrong."""
    for starts, lengths in ((273, 279), (324, 325)):  # of strips, of tiles: TIFF 6.0
        tags = image.tag_v2
        ends = map(sum, zip(tags.get(starts, ()), tags.get(lengths, ()), strict=False))
        if max(ends, default=0) > size_bytes:
            raise UnreadableMediaError(f"{path}: damaged or cut short: pixels are missing")
    if bits > 8:
        check_high_bit_depth_tiff(path, image, bits)


def _decode_8_bits(image: PillowImage.Image, bits: int) -> Image:
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
        values = np.repeat(values[..., None], 3, axis=2)
    return Image(np.ascontiguousarray(values), is_gray=is_gray, alpha=alpha)


def _apply_orientation(
    array: NDArray[np.unsignedinteger], orientation: int
) -> NDArray[np.unsignedinteger]:
    """Turns and mirrors pixels upright, from an EXIF orientation (1 to 8, CIPA DC-008 4.6.5)."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
