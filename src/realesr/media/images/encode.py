"""Writing image files.

OpenCV compresses JPEG, and TIFF and BMP of either depth, and AVIF where it is deep or exact; Pillow
does the rest. Metadata goes in with Pillow, or is put between the parts of what OpenCV made. PNG is
compressed here, band by band: Pillow holds four bytes for three and no more than 8 bits, and OpenCV
holds the file while it makes it, knows no gray with alpha, and is slower for it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, TiffImagePlugin
from PIL import Image as PillowImage

from realesr.errors import UnwritableMediaError
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata
from realesr.media.formats import IMAGES, ImageFormat
from realesr.media.images.metadata import (
    EXIF_PREFIX,
    XMP_JPEG_HEADER,
    XMP_PNG_KEYWORD,
    fit_metadata,
    load_exif,
    suppress_pillow_warnings,
)
from realesr.options import DEFAULT_ENCODING, EncodingOptions
from realesr.progress import Notify, ignore

DEFAULT_QUALITY = {"JPEG": 95, "WEBP": 95, "AVIF": 90}
"""Where the loss cannot be seen at 100 %. The scales differ: libavif's 90 is near libjpeg's 95."""
AVIF_BITS = 12
"""Depth of an AVIF from 16 bits: the most that it has."""

_TIFF_HEADER = 8
_BAND = 16 * 2**20
"""How much of an image is prepared at a time, bytes."""
_JPEG_SEGMENT = 65_533
"""The most that a segment holds beside its length (ITU-T T.81, B.1.1.4)."""
_ICC_HEADER = b"ICC_PROFILE\0"

Buffer = bytes | memoryview
_UINT8 = np.dtype(np.uint8)


def encode_image(
    image: Image,
    destination: Path,
    options: EncodingOptions = DEFAULT_ENCODING,
    notify: Notify = ignore,
    target: ImageFormat | None = None,
) -> Iterable[Buffer]:
    """Encodes an image in the format that the name of the destination stands for.

    Args:
        image: 16 bits are rounded to 8 where the format holds no more.
        destination: Only its suffix is used, and its name in errors.
        options: Quality.
        notify: Receives a sentence for everything that is left out.
        target: The format; None for the one that the destination's name stands for.

    Returns:
        The parts of the file, in order; they may be made while they are taken.

    Raises:
        UnwritableMediaError: The format cannot hold the image, alpha included.
    """
    target = target or IMAGES.format_of(destination)
    if image.alpha is not None and not target.has_alpha:
        raise UnwritableMediaError(f"{destination}: {target.name} holds no alpha")
    is_gray = image.is_gray and target.has_gray
    with suppress_pillow_warnings:
        metadata = fit_metadata(image.metadata, target, image.size, is_gray=is_gray, notify=notify)
    depth = image.pixels.dtype if target.supports_16_bit else _UINT8
    pixels = convert_depth(image.pixels, depth)
    alpha = None if image.alpha is None else convert_depth(image.alpha, depth)
    channels = _joined(pixels, alpha, is_gray=is_gray)
    try:
        with suppress_pillow_warnings:
            return _encode(channels, target, metadata, options)
    except (cv2.error, OSError, ValueError, struct.error) as error:
        reason = " ".join(str(error).split())
        raise UnwritableMediaError(f"{destination}: cannot be encoded: {reason}") from error


Channels = np.ndarray[Any, np.dtype[np.unsignedinteger]]
"""(H, W), (H, W, 2), (H, W, 3) or (H, W, 4): gray, gray and alpha, RGB, RGB and alpha."""


def _encode(
    channels: Channels, target: ImageFormat, metadata: Metadata, options: EncodingOptions
) -> Iterable[Buffer]:
    match target.name:
        case "PNG":
            return _compress_png(channels, metadata)
        case "JPEG":
            return _with_jpeg_segments(_compress_jpeg(channels, options), metadata)
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
    """With OpenCV, except for gray with alpha, which it does not have: 8 bits go to Pillow.

    In TIFF of 16 bits, and in BMP, it becomes RGB with alpha.
    """
    if channels.ndim == 3 and channels.shape[2] == 2:
        if channels.dtype == np.uint8 and suffix != ".bmp":
            buffer = io.BytesIO()
            PillowImage.fromarray(channels).save(buffer, suffix[1:], compression="tiff_lzw")
            return buffer.getbuffer()
        channels = _as_rgba(channels)
    with _as_bgr(channels) as bgr:
        return _encoded(*cv2.imencode(suffix, bgr))


def _compress_jpeg(channels: Channels, options: EncodingOptions) -> memoryview:
    parameters = [cv2.IMWRITE_JPEG_QUALITY, options.quality or DEFAULT_QUALITY["JPEG"]]
    parameters += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    with _as_bgr(channels) as bgr:
        return _encoded(*cv2.imencode(".jpg", bgr, parameters))


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
    """Gray and alpha as colors and alpha."""
    return np.repeat(channels, (3, 1), axis=2)


@contextmanager
def _as_bgr(channels: Channels) -> Iterator[Channels]:
    """Swaps red and blue in place, and back: a copy of a large image takes gigabytes."""
    if channels.ndim == 2:
        yield channels
        return
    swapped = np.require(channels, requirements=("C", "W"))
    _swap_red_and_blue(swapped)
    try:
        yield swapped
    finally:
        _swap_red_and_blue(swapped)


def _swap_red_and_blue(channels: Channels) -> None:
    """Band by band, because OpenCV copies what it is to change in place."""
    code = cv2.COLOR_RGB2BGR if channels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    rows = max(1, _BAND // channels[0].nbytes)
    for top in range(0, len(channels), rows):
        band = channels[top : top + rows]
        cv2.cvtColor(band, code, dst=band)


def _save(
    channels: Channels, name: str, metadata: Metadata, options: EncodingOptions
) -> memoryview:
    """WebP, and AVIF of 8 bits, with Pillow, without chroma subsampling where that is free."""
    arguments: dict[str, Any] = {"quality": options.quality or DEFAULT_QUALITY[name]}
    if name == "AVIF" and channels.ndim == 3:
        arguments["subsampling"] = "4:4:4"
    elif name == "WEBP" and options.lossless:
        arguments = {"lossless": True, "exact": True}
    exif = EXIF_PREFIX + metadata.exif if metadata.exif else None
    held = {"icc_profile": metadata.icc, "exif": exif, "xmp": metadata.xmp}
    arguments |= {key: block for key, block in held.items() if block}
    buffer = io.BytesIO()
    PillowImage.fromarray(channels).save(buffer, name, **arguments)
    return buffer.getbuffer()


def _with_jpeg_segments(data: memoryview, metadata: Metadata) -> Sequence[Buffer]:
    """Metadata behind the APP0 that OpenCV writes (ITU-T T.81, B.2.1; Exif 2.32; ICC.1, B.4)."""
    jfif_end = 4 + int.from_bytes(data[4:6])
    segments = []
    if metadata.exif:
        segments.append(_segment(0xE1, EXIF_PREFIX + metadata.exif))
    if metadata.xmp:
        segments.append(_segment(0xE1, XMP_JPEG_HEADER + metadata.xmp))
    if metadata.icc:
        room = _JPEG_SEGMENT - len(_ICC_HEADER) - 2
        pieces = [metadata.icc[at : at + room] for at in range(0, len(metadata.icc), room)]
        for number, piece in enumerate(pieces, start=1):
            counted = _ICC_HEADER + bytes((number, len(pieces)))
            segments.append(_segment(0xE2, counted + piece))
    return [data[:jfif_end], *segments, data[jfif_end:]]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _png_metadata(metadata: Metadata) -> list[bytes]:
    """Its chunks, which stand behind IHDR (PNG, third edition, 11.3)."""
    chunks = []
    if metadata.icc:
        chunks.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.exif:
        chunks.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(_chunk(b"iTXt", XMP_PNG_KEYWORD.encode() + b"\0" * 5 + metadata.xmp))
    return chunks


def _compress_png(channels: Channels, metadata: Metadata) -> Iterator[bytes]:
    """Every row as the difference to the row above (PNG, third edition, 9.2, filter type 2)."""
    height, width = channels.shape[:2]
    count = 1 if channels.ndim == 2 else channels.shape[2]
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[count]  # table 11.1 there
    bits = 8 * channels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    yield b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    yield from _png_metadata(metadata)
    compressor = zlib.compressobj(level=1)
    rows_of_band = max(1, _BAND // (width * count * channels.dtype.itemsize))
    above = np.zeros((1, width * count * channels.dtype.itemsize), np.uint8)
    for top in range(0, height, rows_of_band):
        band = channels[top : top + rows_of_band].astype(channels.dtype.newbyteorder(">"))
        rows = band.reshape(len(band), -1).view(np.uint8)
        filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
        filtered[:, 0] = 2
        np.subtract(rows[:1], above, out=filtered[:1, 1:])
        np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
        above = rows[-1:].copy()
        data = compressor.compress(filtered.data)
        if data:
            yield _chunk(b"IDAT", data)
    yield _chunk(b"IDAT", compressor.flush())
    yield _chunk(b"IEND", b"")


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
        directory[TiffImagePlugin.EXTRASAMPLES] = 2  # alpha, not multiplied in
    # Written out, a directory takes offsets of strips as counted from its own end.
    strips = directory[TiffImagePlugin.STRIPOFFSETS]
    directory[TiffImagePlugin.STRIPOFFSETS] = tuple(offset - _TIFF_HEADER for offset in strips)
    offset = struct.pack("<L" if bytes(data[:2]) == b"II" else ">L", _TIFF_HEADER)
    return [data[:4], offset, directory.tobytes(_TIFF_HEADER), data[_TIFF_HEADER:]]
