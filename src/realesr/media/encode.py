"""Writing picture files.

OpenCV compresses PNG, TIFF and BMP, of either depth, and AVIF where it is deep or exact; Pillow
does the rest. Metadata goes in with Pillow, or is put between the parts of what OpenCV made.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from PIL import ExifTags, TiffImagePlugin
from PIL import Image as PillowImage

from realesr.errors import UnwritableMediaError
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata
from realesr.media.formats import PICTURES, ImageFormat
from realesr.media.metadata import (
    EXIF_PREFIX,
    QUIET_PILLOW,
    XMP_PNG_KEYWORD,
    fit_metadata,
    load_exif,
)
from realesr.options import DEFAULT_ENCODING, EncodingOptions
from realesr.progress import Notify, ignore

DEFAULT_QUALITY = {"JPEG": 95, "WEBP": 95, "AVIF": 90}
"""Where the loss cannot be seen at 100 %. The scales differ: libavif's 90 is near libjpeg's 95."""
AVIF_BITS = 12
"""Depth of an AVIF from 16 bits: the most that it has."""

_TIFF_HEADER = 8
_PNG_CHUNK = 2**30

Buffer = bytes | memoryview
_UINT8 = np.dtype(np.uint8)


def encode_image(
    image: Image,
    destination: Path,
    options: EncodingOptions = DEFAULT_ENCODING,
    notify: Notify = ignore,
    target: ImageFormat | None = None,
) -> Sequence[Buffer]:
    """Encodes a picture in the format that the name of the destination stands for.

    Args:
        image: 16 bits are rounded to 8 where the format holds no more.
        destination: Only its suffix is used, and its name in errors.
        options: Quality.
        notify: Receives a sentence for everything that is left out.
        target: The format; None for the one that the destination's name stands for.

    Returns:
        The parts of the file, in order.

    Raises:
        UnwritableMediaError: The format cannot hold the picture, opacity included.
    """
    target = target or PICTURES.format_of(destination)
    if image.alpha is not None and not target.has_alpha:
        raise UnwritableMediaError(f"{destination}: {target.name} holds no opacity")
    is_gray = image.is_gray and target.has_gray
    with QUIET_PILLOW:
        metadata = fit_metadata(image.metadata, target, image.size, is_gray=is_gray, notify=notify)
    depth = image.pixels.dtype if target.has_depth else _UINT8
    pixels = convert_depth(image.pixels, depth)
    alpha = None if image.alpha is None else convert_depth(image.alpha, depth)
    channels = _joined(pixels, alpha, is_gray=is_gray)
    try:
        with QUIET_PILLOW:
            return _encode(channels, target, metadata, options)
    except (cv2.error, OSError, ValueError, struct.error) as error:
        reason = " ".join(str(error).split())
        raise UnwritableMediaError(f"{destination}: cannot be encoded: {reason}") from error


Channels = np.ndarray[Any, np.dtype[np.unsignedinteger]]
"""(H, W), (H, W, 2), (H, W, 3) or (H, W, 4): grey, grey and opacity, RGB, RGB and opacity."""


def _encode(
    channels: Channels, target: ImageFormat, metadata: Metadata, options: EncodingOptions
) -> Sequence[Buffer]:
    match target.name:
        case "PNG":
            return _with_png_chunks(_compress(channels, ".png"), metadata)
        case "TIFF":
            return _with_tiff_tags(_compress(channels, ".tiff"), metadata, channels)
        case "BMP":
            return [_compress(channels, ".bmp")]
        case "AVIF" if channels.dtype != _UINT8 or options.lossless:
            return [_compress_avif(channels, metadata, options)]
        case _:
            return [_save(channels, target.name, metadata, options)]


def _joined(pixels: Channels, alpha: Channels | None, *, is_gray: bool) -> Channels:
    colors = pixels[..., :1] if is_gray else pixels
    if alpha is not None:
        return np.concatenate((colors, alpha[..., None]), axis=2)
    return np.ascontiguousarray(colors[..., 0]) if is_gray else colors


def _compress(channels: Channels, suffix: str) -> memoryview:
    """With OpenCV, except for grey with opacity, which it does not have: 8 bits go to Pillow.

    In TIFF of 16 bits, and in BMP, it becomes RGB with opacity.
    """
    if channels.ndim == 3 and channels.shape[2] == 2:
        if channels.dtype == np.uint16 and suffix == ".png":
            return _compress_deep_gray_png(channels)
        if channels.dtype == np.uint8 and suffix != ".bmp":
            buffer = io.BytesIO()
            options = {"compress_level": 1, "compression": "tiff_lzw"}  # of PNG, of TIFF
            PillowImage.fromarray(channels).save(buffer, suffix[1:], **options)
            return buffer.getbuffer()
        channels = _as_rgba(channels)
    with _as_bgr(channels) as bgr:
        return _encoded(*cv2.imencode(suffix, bgr))


def _compress_avif(channels: Channels, metadata: Metadata, options: EncodingOptions) -> memoryview:
    """With OpenCV: it keeps 12 bits, and its quality of 100 is exact, which Pillow's is not."""
    if channels.ndim == 3 and channels.shape[2] == 2:
        channels = _as_rgba(channels)
    bits = 8
    if channels.dtype == np.uint16:
        bits = AVIF_BITS
        table = np.rint(np.arange(2**16) * ((2**bits - 1) / (2**16 - 1)))
        channels = table.astype(np.uint16)[channels]
    quality = 100 if options.lossless else options.quality or DEFAULT_QUALITY["AVIF"]
    held = (
        (cv2.IMAGE_METADATA_ICCP, metadata.icc),
        (cv2.IMAGE_METADATA_EXIF, metadata.exif),
        (cv2.IMAGE_METADATA_XMP, metadata.xmp),
    )
    kinds = [kind for kind, block in held if block]
    blocks = [np.frombuffer(block, np.uint8) for _, block in held if block]
    parameters = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, quality]
    with _as_bgr(channels) as bgr:
        return _encoded(*cv2.imencodeWithMetadata(".avif", bgr, kinds, blocks, parameters))


def _encoded(is_done: bool, data: np.ndarray[Any, np.dtype[np.uint8]]) -> memoryview:
    if not is_done:
        raise ValueError("OpenCV refuses it without a reason")
    return data.reshape(-1).data


def _as_rgba(channels: Channels) -> Channels:
    """Grey and opacity as colours and opacity."""
    return np.repeat(channels, (3, 1), axis=2)


@contextmanager
def _as_bgr(channels: Channels) -> Iterator[Channels]:
    """Swaps red and blue in place, and back: a copy of a large picture takes gigabytes."""
    if channels.ndim == 2:
        yield channels
        return
    swap = cv2.COLOR_RGB2BGR if channels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    swapped = np.require(channels, requirements=("C", "W"))
    bgr = cv2.cvtColor(swapped, swap, dst=swapped)
    try:
        yield cast(Channels, bgr)
    finally:
        cv2.cvtColor(bgr, swap, dst=swapped)


def _save(
    channels: Channels, name: str, metadata: Metadata, options: EncodingOptions
) -> memoryview:
    """JPEG, WebP and AVIF of 8 bits with Pillow, without chroma subsampling where that is free."""
    arguments: dict[str, Any] = {"quality": options.quality or DEFAULT_QUALITY[name]}
    if name == "JPEG" or (name == "AVIF" and channels.ndim == 3):
        arguments["subsampling"] = "4:4:4"
    elif name == "WEBP" and options.lossless:
        arguments = {"lossless": True, "exact": True}
    exif = EXIF_PREFIX + metadata.exif if metadata.exif else None
    held = {"icc_profile": metadata.icc, "exif": exif, "xmp": metadata.xmp}
    arguments |= {key: block for key, block in held.items() if block}
    buffer = io.BytesIO()
    PillowImage.fromarray(channels).save(buffer, name, **arguments)
    return buffer.getbuffer()


def _with_png_chunks(data: memoryview, metadata: Metadata) -> Sequence[Buffer]:
    """Metadata behind IHDR, which has a fixed length (PNG, third edition, 11.2.1 and 11.3)."""
    header_end = 33
    chunks = []
    if metadata.icc:
        chunks.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.exif:
        chunks.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(_chunk(b"iTXt", XMP_PNG_KEYWORD.encode() + b"\0" * 5 + metadata.xmp))
    return [data[:header_end], *chunks, data[header_end:]]


def _compress_deep_gray_png(channels: Channels) -> memoryview:
    """(H, W, 2) of 16 bits, which no library at hand writes: colour type 4, every row as the
    difference to the row above (PNG, third edition, 9.2, filter type 2).
    """
    height, width = channels.shape[:2]
    rows = channels.astype(">u2").reshape(height, 2 * width).view(np.uint8)
    filtered = np.insert(np.diff(rows, axis=0, prepend=np.uint8(0)), 0, 2, axis=1)
    data = zlib.compress(filtered.tobytes())
    header = struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)
    starts = range(0, len(data), _PNG_CHUNK)
    chunks = [(b"IHDR", header), *((b"IDAT", data[at : at + _PNG_CHUNK]) for at in starts)]
    parts = (_chunk(kind, body) for kind, body in [*chunks, (b"IEND", b"")])
    return memoryview(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _with_tiff_tags(data: memoryview, metadata: Metadata, channels: Channels) -> Sequence[Buffer]:
    """A new directory in front of what OpenCV wrote (TIFF 6.0, section 2)."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(bytes(data[:8]))
    stream = io.BytesIO(data)
    stream.seek(directory.next)
    directory.load(stream)
    directory.update(dict(directory))  # tags are decoded, and then written, only once read
    for tag in (TiffImagePlugin.X_RESOLUTION, TiffImagePlugin.Y_RESOLUTION):
        directory.pop(tag, None)  # OpenCV says 1 px an inch
    if metadata.exif:
        exif = load_exif(metadata.exif)
        directory.update(exif)
        for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if tag in exif:
                directory[tag] = exif.get_ifd(tag)
    if metadata.icc:
        directory[TiffImagePlugin.ICCPROFILE] = metadata.icc
    if metadata.xmp:
        directory[TiffImagePlugin.XMP] = metadata.xmp
    if channels.ndim == 3 and channels.shape[2] % 2 == 0:
        directory[TiffImagePlugin.EXTRASAMPLES] = 2  # opacity, not multiplied in
    # Written out, a directory takes offsets of strips as counted from its own end.
    strips = directory[TiffImagePlugin.STRIPOFFSETS]
    directory[TiffImagePlugin.STRIPOFFSETS] = tuple(offset - _TIFF_HEADER for offset in strips)
    offset = struct.pack("<L" if bytes(data[:2]) == b"II" else ">L", _TIFF_HEADER)
    return [data[:4], offset, directory.tobytes(_TIFF_HEADER), data[_TIFF_HEADER:]]
