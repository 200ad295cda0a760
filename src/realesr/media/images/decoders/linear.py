"""OpenEXR and Radiance HDR: FFmpeg decodes their floats, whose tone is linear."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from itertools import chain
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from realesr.imaging.image import Image
from realesr.media.images.decoders.blocks import linear_profile, read_blocks
from realesr.media.images.decoders.levels import Samples, alpha_levels, float_levels
from realesr.media.images.decoders.source import EncodedImage, finish, gray_to_rgb

_EXR = b"\x76\x2f\x31\x01"
_RADIANCE_SIZE = re.compile(rb"\n[-+]([YX]) (\d+) [-+][YX] (\d+)\n")
_RADIANCE_PRIMARIES = re.compile(rb"\nPRIMARIES=([-\d. ]+)\n")
_MOST_HEADER = 2**20
_WINDOWS = (b"dataWindow", b"displayWindow")
_ORDER = {1: (0,), 3: (2, 0, 1), 4: (2, 0, 1, 3)}
"""FFmpeg's planes are green, blue, red and alpha."""


@dataclass(frozen=True, slots=True)
class _Header:
    sizes: tuple[tuple[int, int], ...]
    primaries: tuple[float, ...] | None


def decode_linear(source: EncodedImage) -> Image:
    """Decodes an EXR or HDR file to uint16 of linear tone, which a color profile states.

    Raises:
        av.FFmpegError, OSError, ValueError, struct.error: It is damaged.
        UnsupportedMediaError: It is too large.
    """
    is_exr = source.data.startswith(_EXR)
    header = _exr_header(source.data) if is_exr else _radiance_header(source.data)
    for size in header.sizes:
        source.check_size(*size)
    values = _decode(source.data, "exr" if is_exr else "hdr")
    is_gray = values.shape[2] == 1
    alpha = None
    if values.shape[2] == 4:
        share = values[..., 3:]
        # colors of EXR are multiplied by alpha (Technical Introduction to OpenEXR)
        values = np.divide(values[..., :3], share, out=values[..., :3].copy(), where=share > 0)
        alpha = alpha_levels(share[..., 0])
    levels = float_levels(values, source.notify)
    pixels = gray_to_rgb(levels[..., 0]) if is_gray else levels
    image = Image(pixels, is_gray=is_gray, alpha=alpha)
    icc = linear_profile(header.primaries, is_gray=is_gray)
    return finish(image, read_blocks(source, icc=icc))


def _decode(data: bytes, codec: str) -> Samples:
    """Decodes to floats, (H, W, C)."""
    context = cast(VideoCodecContext, av.CodecContext.create(codec, "r"))
    context.thread_count = 1
    frame = next(chain(context.decode(av.Packet(data)), context.decode(None)), None)
    if frame is None:
        raise ValueError("pixels are missing")
    dtype = np.dtype("<f2" if "f16" in frame.format.name else "<f4")
    if "f16" not in frame.format.name and "f32" not in frame.format.name:
        raise ValueError(f"its pixels are of the kind {frame.format.name}")
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype)
        planes.append(rows.reshape(frame.height, -1)[:, : frame.width])
    return np.stack([planes[i] for i in _ORDER[len(planes)]], axis=2)


def _exr_header(data: bytes) -> _Header:
    """Reads the attributes of the first part (OpenEXR File Layout)."""
    sizes, primaries = [], None
    start = 8
    while start < min(len(data), _MOST_HEADER) and data[start]:
        name, _, rest = data[start : start + 512].partition(b"\0")
        kind = rest.partition(b"\0")[0]
        start += len(name) + len(kind) + 2
        (length,) = struct.unpack_from("<I", data, start)
        start += 4
        if name in _WINDOWS:
            left, top, right, bottom = struct.unpack_from("<4i", data, start)
            sizes.append((right - left + 1, bottom - top + 1))
        elif name == b"chromaticities" and length == 32:
            primaries = struct.unpack_from("<8f", data, start)
        start += length
    return _Header(tuple(sizes), primaries)


def _radiance_header(data: bytes) -> _Header:
    head = data[:_MOST_HEADER]
    match = _RADIANCE_SIZE.search(head)
    if match is None:
        raise ValueError("its header has no size")
    lines = _RADIANCE_PRIMARIES.search(head, 0, match.start() + 1)
    primaries = tuple(float(value) for value in lines[1].split()) if lines else ()
    sides = int(match[2]), int(match[3])
    return _Header((sides,), primaries if len(primaries) == 8 else None)
