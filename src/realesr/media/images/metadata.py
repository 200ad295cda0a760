"""Metadata of images, ICC profile, EXIF and XMP: read from inputs and adapted to outputs."""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import replace

from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.geometry import Size
from realesr.imaging.image import Metadata
from realesr.media.formats import ImageFormat
from realesr.progress import Notice, Notify

EXIF_PREFIX = b"Exif\0\0"
XMP_JPEG_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
XMP_PNG_KEYWORD = "XML:com.adobe.xmp"

_UPRIGHT = 1
_SUB_IFDS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_STRUCTURAL = frozenset(
    {*range(254, 260), 262, 266, 273, *range(277, 282), 284, 317, 320, *range(322, 326), 330, 332}
    | {*range(336, 342), 347, *range(512, 520), *range(529, 533), 700, 33723, 34377, 34675}
)
"""TIFF tags (TIFF 6.0) that describe how pixels are stored, or hold other metadata blocks."""
_INTEROP = ExifTags.IFD.Interop
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>))\s*\d+""")


def read_metadata(image: PillowImage.Image, exif: PillowImage.Exif, notify: Notify) -> Metadata:
    """Reads the metadata of a decoded image and sets its orientation to upright.

    Thumbnails are left out, because they show the image before it was upscaled.

    Args:
        image: The image after ``load()``: PNG may hold metadata behind the pixels.
        exif: EXIF of the image, taken before ``load()``.
        notify: Receives a sentence if the EXIF block is damaged.
    """
    xmp = image.info.get("xmp") or image.info.get(XMP_PNG_KEYWORD)
    if isinstance(xmp, str):
        xmp = xmp.encode()
    try:
        upright = _clean_exif(exif)
    except Exception:  # a damaged block makes Pillow's parser and writer raise many kinds
        notify(Notice("metadata-damaged", "the EXIF block is damaged and left out"))
        upright = None
    return Metadata(
        icc=image.info.get("icc_profile") or None,
        exif=upright,
        xmp=_XMP_ORIENTATION.sub(rb"\g<1>%d" % _UPRIGHT, xmp) if xmp else None,
    )


def fit_metadata(
    metadata: Metadata,
    target: ImageFormat,
    size: Size,
    *,
    is_gray: bool,
    notify: Notify,
) -> Metadata:
    """Adapts the metadata of an input to an output.

    Args:
        metadata: Metadata of the input.
        target: Format of the output.
        size: Size of the output, px, which the EXIF of some cameras states.
        is_gray: Whether the output has one channel.
        notify: Receives a sentence for everything that is left out.
    """
    if not target.supports_metadata:
        held = [name for name in ("icc", "exif", "xmp") if getattr(metadata, name)]
        if held:
            notify(
                Notice(
                    "metadata-dropped",
                    f"{target.name} holds no metadata: {', '.join(held).upper()} left out",
                )
            )
        return Metadata()
    icc = metadata.icc
    if icc and (reason := _mismatch(icc, is_gray=is_gray)):
        notify(Notice("color-profile-dropped", f"the color profile is left out: {reason}"))
        icc = None
    exif = _resized(metadata.exif, size) if metadata.exif else None
    if target.name == "JPEG":  # a segment's length has 16 bits
        if exif and len(exif) > 65_000:
            notify(
                Notice(
                    "metadata-dropped",
                    f"the EXIF block is left out: {len(exif)} bytes do not fit into JPEG",
                )
            )
            exif = None
        if metadata.xmp and len(metadata.xmp) > 65_000:
            notify(
                Notice(
                    "metadata-dropped",
                    f"the XMP packet is left out: {len(metadata.xmp)} bytes do not fit into JPEG",
                )
            )
            metadata = replace(metadata, xmp=None)
    return replace(metadata, icc=icc, exif=exif)


class SuppressWarnings:
    """Suppresses warnings while at least one thread is inside the context.

    Filters of warnings belong to all threads: of two overlapping ``warnings.catch_warnings``, one
    would restore what the other has set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._context = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._context = warnings.catch_warnings()
                self._context.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._context.__exit__(None, None, None)


suppress_pillow_warnings = SuppressWarnings()
"""A context without Pillow's warnings about unusual tags and large images."""


def load_exif(exif: bytes) -> PillowImage.Exif:
    """Parses an EXIF block without its ``Exif`` prefix."""
    parsed = PillowImage.Exif()
    parsed.load(EXIF_PREFIX + exif)
    return parsed


def _mismatch(icc: bytes, *, is_gray: bool) -> str | None:
    """Returns why a profile does not describe the pixels, or None if it does.

    ICC.1:2022, 7.2: the color space stands at byte 16, the signature at byte 36.
    """
    if len(icc) < 132 or icc[36:40] != b"acsp":
        return "it is damaged"
    space, wanted = icc[16:20], b"GRAY" if is_gray else b"RGB "
    if space != wanted:
        names = [each.decode("latin-1").strip() for each in (space, wanted)]
        return f"it is for {names[0]}, and the pixels are {names[1]}"
    return None


def _clean_exif(exif: PillowImage.Exif) -> bytes | None:
    """Copies EXIF without structural tags and with orientation 1; None if no tag is left."""
    copy = PillowImage.Exif()
    copy.update({tag: value for tag, value in exif.items() if tag not in _STRUCTURAL})
    for tag in _SUB_IFDS:
        copy.pop(tag, None)
        entries = {key: value for key, value in exif.get_ifd(tag).items() if key != _INTEROP}
        if entries:
            copy[tag] = entries
    if not copy:
        return None
    copy[ExifTags.Base.Orientation] = _UPRIGHT
    return _serialized(copy)


def _resized(exif: bytes, size: Size) -> bytes:
    parsed = load_exif(exif)
    entries = parsed.get_ifd(ExifTags.IFD.Exif)
    if ExifTags.Base.ExifImageWidth not in entries:
        return exif
    entries[ExifTags.Base.ExifImageWidth] = size.width
    entries[ExifTags.Base.ExifImageHeight] = size.height
    return _serialized(parsed)


def _serialized(exif: PillowImage.Exif) -> bytes:
    return exif.tobytes().removeprefix(EXIF_PREFIX)
