"""Reading of image files: the content decides which decoder reads them.

Each family of formats has a module in :mod:`realesr.media.images.decoders`. Libraries that only
some formats need are imported when a file of them is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import UnidentifiedImageError

from realesr.errors import RealesrError, UnreadableMediaError
from realesr.imaging.image import Image
from realesr.media.images.decoders.signature import Family, family_of
from realesr.media.images.decoders.source import EncodedImage
from realesr.media.images.metadata import suppress_pillow_warnings
from realesr.media.images.reading import read_bytes
from realesr.progress import Notice, Notify, no_notice

# Pillow logs what it finds odd; without a handler, logging would print that on standard error.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_FORMATS = (
    "PNG, JPEG, WebP, TIFF, BMP, AVIF, HEIF, JPEG XL, JPEG 2000, GIF, TGA, PPM, ICO, PSD, EXR, "
    "Radiance HDR, or camera RAW"
)


def read_image(
    path: Path,
    *,
    max_pixels: int | None = None,
    is_strict: bool = False,
    smooth_color: bool = False,
    notify: Notify = no_notice,
) -> Image:
    """Reads an image and turns it upright.

    Args:
        path: A file of any format that is read, whatever its suffix; or ``-`` for standard input.
        max_pixels: Largest image that is decoded, px; the size in the header counts. None is the
            default limit; its error then does not name an option that lifts it.
        is_strict: Whether damaged pixels are an error instead of a notice.
        smooth_color: Whether color blocks of JPEG are smoothed, as far as its quantization leaves
            color open; see :mod:`realesr.imaging.jpeg_color`.
        notify: Receives a sentence for everything that the result does not carry.

    Returns:
        The image, uint8 if the file has up to 8 bits a channel, else uint16, over the full range.
        Palettes and transparent colors are converted to colors and alpha, which is not
        premultiplied.

    Raises:
        UnreadableMediaError: The file cannot be opened, or is damaged, truncated or not an image.
        UnsupportedMediaError: The image is too large, of a type that is not supported, or needs a
            package that is not installed.
    """
    return decode_image(
        read_bytes(path),
        path,
        max_pixels=max_pixels,
        is_strict=is_strict,
        smooth_color=smooth_color,
        notify=notify,
    )


def decode_image(
    data: bytes,
    path: Path,
    *,
    max_pixels: int | None = None,
    is_strict: bool = False,
    smooth_color: bool = False,
    notify: Notify = no_notice,
) -> Image:
    """Decodes the bytes of an image file as :func:`read_image` does.

    Args:
        data: Content of the file.
        path: Name of the file in errors.
        max_pixels: As for :func:`read_image`.
        is_strict: As for :func:`read_image`.
        smooth_color: As for :func:`read_image`.
        notify: As for :func:`read_image`.

    Returns:
        The image, as from :func:`read_image`.

    Raises:
        UnreadableMediaError, UnsupportedMediaError: As :func:`read_image`.
    """
    if not data:
        raise UnreadableMediaError(f"{path}: the file is empty")
    family = family_of(data, path)
    if family is None:
        raise UnreadableMediaError(f"{path}: not an image, or none of {_FORMATS}")
    source = EncodedImage(
        path=path,
        data=data,
        max_pixels=max_pixels,
        notify=_strict(path, notify) if is_strict else notify,
        smooth_color=smooth_color,
    )
    with _decoder_errors(path):
        return _decoder(family)(source)


def _strict(path: Path, notify: Notify) -> Notify:
    """Returns a receiver that makes damage an error."""

    def receive(notice: Notice) -> None:
        if notice.code == "image-damaged":
            raise UnreadableMediaError(f"{path}: {notice} (`is_strict`)")
        notify(notice)

    return receive


@contextmanager
def _decoder_errors(path: Path) -> Iterator[None]:
    """Turns the exceptions of decoders into errors that name the file."""
    try:
        with suppress_pillow_warnings:
            yield
    except RealesrError:
        raise
    except MemoryError as error:
        raise UnreadableMediaError(f"{path}: does not fit into memory") from error
    except UnidentifiedImageError as error:
        raise UnreadableMediaError(
            f"{path}: damaged or cut short: its header is invalid"
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableMediaError(f"{path}: damaged or cut short: {reason}") from error


def _decoder(family: Family) -> Callable[[EncodedImage], Image]:
    """Returns the decoder of a family, and imports it only now."""
    match family:
        case "png":
            from realesr.media.images.decoders.png import decode_png as decode
        case "jpeg":
            from realesr.media.images.decoders.jpeg import decode_jpeg as decode
        case "tiff":
            from realesr.media.images.decoders.tiff import decode_tiff as decode
        case "bmp":
            from realesr.media.images.decoders.bmp import decode_bmp as decode
        case "avif":
            from realesr.media.images.decoders.avif import decode_avif as decode
        case "heif":
            from realesr.media.images.decoders.heif import decode_heif as decode
        case "jpeg-xl":
            from realesr.media.images.decoders.jpeg_xl import decode_jpeg_xl as decode
        case "jpeg-2000":
            from realesr.media.images.decoders.jpeg_2000 import decode_jpeg_2000 as decode
        case "netpbm":
            from realesr.media.images.decoders.netpbm import decode_netpbm as decode
        case "psd":
            from realesr.media.images.decoders.psd import decode_psd as decode
        case "exr" | "hdr":
            from realesr.media.images.decoders.linear import decode_linear as decode
        case "raw":
            from realesr.media.images.decoders.raw import decode_raw as decode
        case "webp" | "gif" | "ico" | "tga":
            from realesr.media.images.decoders.pillow import decode_pillow

            return lambda source: decode_pillow(source, family.upper())
    return decode
