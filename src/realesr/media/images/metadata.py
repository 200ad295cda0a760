"""Metadata of images, read from inputs."""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.imaging.color import ColorDescription
from realesr.imaging.image import Metadata, Resolution
from realesr.media.images import isobmff, png_metadata
from realesr.media.images import xmp as packets
from realesr.media.images.bmp import read_bmp
from realesr.media.images.exif import (
    EXIF_PREFIX,
    agreed,
    clean_exif,
    is_georeferenced,
    load_exif,
    resolution_of,
    says_adobe_rgb,
)
from realesr.media.images.icc import cicp_of
from realesr.media.images.iptc import iptc_of, read_resources
from realesr.media.images.jpeg_metadata import read_jpeg
from realesr.progress import Notice, NoticeCode, Notify, no_notice

__all__ = ["EXIF_PREFIX", "load_exif", "read_exif", "read_metadata", "suppress_pillow_warnings"]

_IPTC_TAG, _PHOTOSHOP_TAG = 33723, 34377
_OF_PARTS: frozenset[NoticeCode] = frozenset(("gain-map-dropped", "motion-dropped"))
_WORDS_OF_PARTS = (
    *(b"GainMap", b"hdr-gain-map", b"pixeldatainfo", b"MotionPhoto", b"MicroVideo"),
    *(b"/container/", b"/dd/1.0/"),
)
"""Words without one of which XMP points at nothing, so that it need not be parsed."""
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


def read_exif(image: PillowImage.Image, data: bytes, notify: Notify) -> PillowImage.Exif:
    """Reads the EXIF block of an image before its pixels are decoded.

    Args:
        image: The opened image.
        data: Content of the file.
        notify: Receives a sentence if the block is damaged.

    Returns:
        The block, empty if there is none or if it is damaged.
    """
    try:
        return image.getexif()
    except Exception:  # a damaged block makes Pillow's parser raise many kinds
        image.info.pop("exif", None)
    if data.startswith(png_metadata.SIGNATURE) and (block := png_metadata.raw_exif(data)):
        with suppress(Exception):
            return load_exif(block)
    notify(Notice("metadata-damaged", "the EXIF block is damaged and left out"))
    return PillowImage.Exif()


def read_metadata(
    image: PillowImage.Image, exif: PillowImage.Exif, notify: Notify, data: bytes = b""
) -> Metadata:
    """Reads the metadata of a decoded image and sets its orientation to upright.

    Thumbnails are left out, because they show the image before it was upscaled; so are gain maps,
    videos and further images, and what XMP says about them.

    Args:
        image: The image after ``load()``: PNG may hold metadata behind the pixels.
        exif: EXIF of the image, taken before ``load()``.
        notify: Receives a sentence for everything that is damaged or not carried.
        data: Content of the file, for what Pillow does not read.
    """
    told = set[str]()

    def tell(notice: Notice) -> None:
        told.add(notice.code)
        notify(notice)

    own = _read_own(data, exif, tell)
    xmp = own.xmp or image.info.get("xmp") or image.info.get(png_metadata.XMP_KEYWORD)
    if isinstance(xmp, str):
        xmp = xmp.encode()
    upright, of_exif, is_adobe_rgb = None, None, False
    try:
        upright, of_exif = clean_exif(exif), resolution_of(exif)
        is_adobe_rgb = says_adobe_rgb(exif)
        if is_georeferenced(exif):
            notify(Notice("metadata-dropped", "the georeference of the pixels is left out"))
    except Exception:  # a damaged block makes Pillow's parser and writer raise many kinds
        notify(Notice("metadata-damaged", "the EXIF block is damaged and left out"))
    icc = own.icc or image.info.get("icc_profile") or None
    resolution = agreed(own.resolution, of_exif)
    if resolution and exif.get(ExifTags.Base.Orientation) in _TURNED:
        resolution = Resolution(resolution.y, resolution.x, resolution.unit)
    comments = own.comments
    if image.format == "GIF" and isinstance(comment := image.info.get("comment"), bytes):
        comments = (comment,)
    return replace(
        own,
        icc=icc,
        exif=upright,
        xmp=_whole(xmp, no_notice if told & _OF_PARTS else notify) if xmp else None,
        color=_color(own.color, icc, is_adobe_rgb=is_adobe_rgb),
        resolution=resolution,
        comments=comments,
    )


def _color(color: ColorDescription, icc: bytes | None, *, is_adobe_rgb: bool) -> ColorDescription:
    if color.cicp and not color.cicp.is_known:
        color = replace(color, cicp=None)
    inside = cicp_of(icc) if icc else None
    if color.cicp is None and inside and inside.hdr:
        color = replace(color, cicp=inside)
    return replace(color, is_adobe_rgb=is_adobe_rgb and not icc)


def _read_own(data: bytes, exif: PillowImage.Exif, notify: Notify) -> Metadata:
    """Reads what only the format of the file can say."""
    try:
        if data.startswith(png_metadata.SIGNATURE):
            return png_metadata.read_png(data, notify)
        if data.startswith(b"\xff\xd8"):
            return read_jpeg(data, notify)
        if isobmff.is_isobmff(data):
            return _read_isobmff(data, notify)
        if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
            return Metadata(iptc=_tiff_iptc(exif))
        if data.startswith(b"RIFF") and b"C2PA" in _riff_chunks(data):
            notify(png_metadata.CREDENTIALS_DROPPED)
        if data.startswith(b"BM"):
            return read_bmp(data)
    except Exception:  # damaged metadata, of whatever kind, does not stop an image
        notify(Notice("metadata-damaged", "metadata is damaged and left out"))
    return Metadata()


def _read_isobmff(data: bytes, notify: Notify) -> Metadata:
    properties = isobmff.primary_properties(data)
    cicp, icc = isobmff.color_of(properties)
    if cicp and (cicp.is_srgb or (icc and not cicp.hdr)):  # the profile counts before code points
        cicp = None
    parts = isobmff.further_parts(data)
    if "gain map" in parts:
        notify(
            Notice("gain-map-dropped", "the gain map is left out, and the image is as without it")
        )
    if "video" in parts:
        notify(Notice("motion-dropped", "the video of the motion photo is left out"))
    if "depth map" in parts:
        notify(Notice("metadata-dropped", "the depth map is left out"))
    if "credentials" in parts:
        notify(png_metadata.CREDENTIALS_DROPPED)
    mastering, light = isobmff.light_of(properties)
    return Metadata(icc=icc, color=ColorDescription(cicp=cicp, mastering=mastering, light=light))


def _riff_chunks(data: bytes) -> set[bytes]:
    """Returns the kinds of the chunks of a WebP (RFC 9649, 2.4)."""
    kinds, at = set(), 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        kinds.add(kind)
        at += 8 + length + length % 2
    return kinds


def _tiff_iptc(exif: PillowImage.Exif) -> bytes | None:
    block: Any = exif.get(_IPTC_TAG)
    if isinstance(block, tuple):  # some programs say that it consists of numbers of 32 bits
        order = "<" if exif.endian == "<" else ">"
        block = struct.pack(f"{order}{len(block)}I", *block)
    if not block and isinstance(photoshop := exif.get(_PHOTOSHOP_TAG), bytes):
        block = iptc_of(read_resources(photoshop))
    return block if isinstance(block, bytes) and block else None


def _whole(xmp: bytes, notify: Notify) -> bytes | None:
    """Returns XMP of an upright image, without what points at parts that are gone."""
    selectors: list[Callable[[str, str], bool]] = [
        packets.is_of_gain_map,
        packets.is_of_motion,
        packets.is_of_part,
    ]
    if any(word in xmp for word in _WORDS_OF_PARTS):
        try:
            left = packets.without(xmp, lambda *name: any(each(*name) for each in selectors))
        except packets.UnreadableXmpError as error:
            notify(
                Notice(
                    "metadata-dropped",
                    f"the XMP packet is left out: it points at parts that are gone, and {error}",
                )
            )
            return None
        if left != xmp:
            notify(
                Notice("metadata-dropped", "what XMP says about parts that are gone is left out")
            )
        if left is None:
            return None
        xmp = left
    return packets.upright(xmp)


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

_LIMIT = threading.Lock()


@contextmanager
def without_limit() -> Iterator[None]:
    """Lifts Pillow's own limit on sizes, while a header is read that is checked afterwards."""
    with _LIMIT:
        limit, PillowImage.MAX_IMAGE_PIXELS = PillowImage.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            PillowImage.MAX_IMAGE_PIXELS = limit
