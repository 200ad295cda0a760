"""TIFF of all kinds: tifffile reads the structure, and imagecodecs decompresses."""

from __future__ import annotations

import io
from enum import IntEnum
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from realesr.errors import UnsupportedMediaError
from realesr.imaging.image import Image, Metadata, Plane
from realesr.media.images.c_output import can_catch, caught_output
from realesr.media.images.decoders.blocks import read_blocks
from realesr.media.images.decoders.colors import cmyk_to_rgb, lab_to_rgb
from realesr.media.images.decoders.levels import (
    Samples,
    alpha_levels,
    dtype_of,
    to_full_range,
    unpremultiply,
)
from realesr.media.images.decoders.opencv import jpeg_damage
from realesr.media.images.decoders.pillow import decode_pillow
from realesr.media.images.decoders.signature import stated_size
from realesr.media.images.decoders.source import EncodedImage, finish, gray_to_rgb
from realesr.media.images.decoders.tifffile_log import words_of_tifffile
from realesr.progress import Notice, no_notice

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _CMYK, _YCBCR, _LAB, _ICC_LAB = (
    *range(7),
    8,
    9,
)
"""Values of PhotometricInterpretation (TIFF 6.0, section 8)."""
_COLOR_FILTER_ARRAY, _LINEAR_RAW = 32803, 34892
"""More of its values, of camera RAW (TIFF/EP; DNG 1.7)."""
_COLORS = {
    **dict.fromkeys((_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE, _MASK), 1),
    **dict.fromkeys((_RGB, _YCBCR, _LAB, _ICC_LAB), 3),
    _CMYK: 4,
}
"""Samples that are colors, by PhotometricInterpretation."""
_OF_LIBTIFF = frozenset((2, 3, 4, 6, 32771, 32809, 34661, 34676, 34677))
"""Compressions left to Pillow's libtiff: of fax, old JPEG, NeXT, ThunderScan, JBIG, LogLuv."""
_JPEG = (7, 34892)
_ORIENTATION, _COLOR_MAP, _XMP, _ICC, _DNG_VERSION = 274, 320, 700, 34675, 50706
_MULTIPLIED, _SEPARATE = 1, 2
"""Values of ExtraSamples that mean alpha."""
_MOST_SAMPLES = 64
_INKS_CMYK = 1
_INK_SET = 332


def decode_tiff(source: EncodedImage) -> Image:
    """Decodes the first image of a TIFF: integers of 1 to 64 bits, floats, all usual colors.

    Raises:
        OSError, ValueError, RuntimeError, KeyError: It is damaged.
        UnsupportedMediaError: It is too large, or of a kind that is not read.
    """
    tifffile = source.require("tifffile", "tifffile")
    source.require("imagecodecs", "imagecodecs")
    with words_of_tifffile() as words, tifffile.TiffFile(io.BytesIO(source.data)) as file:
        page = file.pages.first
        source.check_size(page.imagewidth, page.imagelength)
        source.check_size(page.tilewidth, page.tilelength)
        if _is_raw(page):
            from realesr.media.images.decoders.raw import decode_raw

            return decode_raw(source)
        if not page.dataoffsets:
            raise ValueError("it has no pixels")
        if _needs_libtiff(page):
            return decode_pillow(source, "TIFF")
        _check(source, page)
        samples = _read_samples(source, page)
        source.notify_pages(len(file.pages))
        image = _to_image(source, page, samples)
        metadata = _read_metadata(source, page)
        orientation = page.tags.valueof(_ORIENTATION, 1)
    if words:
        source.notify_damage("; ".join(words))
    return finish(image, metadata, int(orientation))


def _is_raw(page: Any) -> bool:
    """Returns whether a file holds a camera's sensor data, be it behind a thumbnail."""
    if _DNG_VERSION in page.tags:
        return True
    pages = [page]
    if page.subifds and page.is_reduced:
        pages += [page.pages[number] for number in range(len(page.subifds))]
    return any(int(each.photometric) in (_COLOR_FILTER_ARRAY, _LINEAR_RAW) for each in pages)


def _needs_libtiff(page: Any) -> bool:
    is_ycbcr = page.photometric == _YCBCR and int(page.compression) not in _JPEG
    is_reduced = is_ycbcr and tuple(page.subsampling or (2, 2)) != (1, 1)
    return int(page.compression) in _OF_LIBTIFF or is_reduced


def _check(source: EncodedImage, page: Any) -> None:
    """Refuses, before any pixel is decoded, what would be decoded wrong.

    Raises:
        UnsupportedMediaError: It is of a kind that is not read.
        ValueError: It is cut short.
    """
    ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=0) > len(source.data):
        raise ValueError("pixels are missing")
    photometric = int(page.photometric)
    what = None
    if photometric not in _COLORS or page.samplesperpixel < _COLORS[photometric]:
        what = f"colors of the kind {photometric}"
    elif photometric == _CMYK and page.tags.valueof(_INK_SET, _INKS_CMYK) != _INKS_CMYK:
        what = "inks other than CMYK"
    elif page.samplesperpixel > _MOST_SAMPLES:
        what = f"{page.samplesperpixel} channels"
    elif page.dtype is None or page.dtype.kind not in "uifb":
        what = f"{page.bitspersample} bits a channel of the type {int(page.sampleformat)}"
    elif page.imagedepth > 1:
        what = "several layers in depth"
    if what:
        raise UnsupportedMediaError(
            f"{source.path}: a TIFF with {what} is not read; convert it to RGB or gray of 8 or "
            "16 bits"
        )


def _read_samples(source: EncodedImage, page: Any) -> Samples:
    """Decodes all samples, (H, W, C). Parts that are damaged stay black, with a notice."""
    decode, is_jpeg = page.decode, int(page.compression) in _JPEG
    broken: list[Exception] = []
    words: list[str] = []

    def tolerant(data: bytes | None, index: int, **options: Any) -> Any:
        try:
            if data is not None and (size := stated_size(data)):
                source.check_size(*size)
            if data is not None and is_jpeg and can_catch():
                words.append(jpeg_damage(_with_tables(data, page.jpegtables)) or "")
            return decode(data, index, **options)
        except UnsupportedMediaError:
            raise
        except Exception as error:  # each codec raises errors of its own
            broken.append(error)
            return decode(None, index, **options)

    page.decode = tolerant
    with caught_output() as lines:
        samples: Samples = page.asarray(maxworkers=1)
    count = len(page.dataoffsets)
    if len(broken) >= count:
        raise broken[0]
    if broken:
        source.notify_damage(f"{len(broken)} of {count} parts cannot be decoded: {broken[0]}")
    elif said := sorted({*filter(None, words), *lines}):
        source.notify_damage("; ".join(said))
    if samples.ndim == 2:
        return samples[..., None]
    is_planar = page.samplesperpixel > 1 and page.axes.startswith("S")
    return np.moveaxis(samples, 0, -1) if is_planar else samples


def _with_tables(data: bytes, tables: bytes | None) -> bytes:
    """Returns a JPEG that is complete: strips share their tables (TIFF, technical note 2)."""
    return tables[:-2] + data[2:] if tables else data


def _to_image(source: EncodedImage, page: Any, samples: Samples) -> Image:
    """Converts samples, (H, W, C), to gray or RGB, with alpha if there is any."""
    photometric = int(page.photometric)
    if photometric == _YCBCR and samples.shape[2] >= 3:
        if int(page.compression) not in _JPEG:
            samples = _from_ycbcr(source, samples)
        photometric = _RGB  # a JPEG decoder has converted it
    colors = _COLORS[photometric]
    bits = page.bitspersample
    alpha, is_multiplied = _alpha(source, page, samples, colors)
    base = samples[..., :colors]
    if photometric == _PALETTE:
        table = np.asarray(page.tags.valueof(_COLOR_MAP)).reshape(3, -1)
        levels = (table.T[base[..., 0]] >> 8).astype(np.uint8)
        if alpha is not None and alpha.dtype != levels.dtype:
            alpha = (alpha >> 8).astype(np.uint8)
        return Image(np.ascontiguousarray(levels), alpha=alpha)
    if photometric in (_LAB, _ICC_LAB):
        if bits not in (8, 16) or base.dtype.kind == "f":
            raise UnsupportedMediaError(
                f"{source.path}: Lab of {bits} bits a channel is not read; convert it to RGB"
            )
        lab = np.ascontiguousarray(base).view(dtype_of(bits))
        pixels = lab_to_rgb(lab, source.notify, is_offset=photometric == _ICC_LAB)
        return Image(pixels, alpha=alpha)
    levels = to_full_range(base, bits, source.notify)
    if photometric == _WHITE_IS_ZERO:
        levels = np.iinfo(levels.dtype).max - levels
    if photometric == _CMYK:
        return Image(cmyk_to_rgb(levels, page.tags.valueof(_ICC), source.notify), alpha=alpha)
    is_gray = colors == 1
    pixels = gray_to_rgb(levels[..., 0]) if is_gray else np.ascontiguousarray(levels)
    if alpha is not None and is_multiplied:
        pixels = unpremultiply(pixels, alpha)
    return Image(pixels, is_gray=is_gray, alpha=alpha)


def _from_ycbcr(source: EncodedImage, samples: Samples) -> Samples:
    """Converts samples of full chroma (TIFF 6.0, section 21, with the usual coefficients)."""
    if samples.dtype != np.uint8:
        raise UnsupportedMediaError(
            f"{source.path}: YCbCr of more than 8 bits a channel is not read; convert it to RGB"
        )
    image = PillowImage.fromarray(np.ascontiguousarray(samples[..., :3]), "YCbCr")
    return np.dstack([np.asarray(image.convert("RGB")), samples[..., 3:]])


def _alpha(
    source: EncodedImage, page: Any, samples: Samples, colors: int
) -> tuple[Plane | None, bool]:
    """Returns the alpha, and whether colors are multiplied by it (TIFF 6.0, section 18)."""
    count = samples.shape[2] - colors
    if not count:
        return None, False
    kinds = [int(kind) for kind in page.extrasamples]
    # Some writers leave ExtraSamples out: then a single one is taken to be alpha.
    kinds = kinds or ([_SEPARATE] if count == 1 else [])
    index = next((i for i, kind in enumerate(kinds) if kind in (_MULTIPLIED, _SEPARATE)), None)
    others = count - (index is not None)
    if others:
        source.notify(
            Notice("channels-dropped", f"{others} channels are left out: neither color nor alpha")
        )
    if index is None:
        return None, False
    plane = samples[..., colors + index]
    if plane.dtype.kind == "f":
        return alpha_levels(plane), kinds[index] == _MULTIPLIED
    levels = to_full_range(plane, page.bitspersample, no_notice)
    return np.ascontiguousarray(levels), kinds[index] == _MULTIPLIED


def _read_metadata(source: EncodedImage, page: Any) -> Metadata:
    icc, xmp = page.tags.valueof(_ICC), page.tags.valueof(_XMP)
    is_converted = int(page.photometric) in (_CMYK, _LAB, _ICC_LAB)  # the pixels are sRGB now
    return read_blocks(
        source,
        icc=icc if isinstance(icc, bytes) and not is_converted else None,
        # a TIFF is an EXIF block; Pillow does not know the big-endian BigTIFF
        exif=_tags(page) if source.data.startswith(b"MM\0+") else source.data,
        xmp=xmp if isinstance(xmp, bytes) else None,
    )


def _tags(page: Any) -> bytes:
    """Returns the texts and numbers of the first directory as an EXIF block."""
    exif = PillowImage.Exif()
    for tag in page.tags:
        if isinstance(tag.value, str | int) and not isinstance(tag.value, IntEnum):
            exif[tag.code] = tag.value
    return exif.tobytes()
