"""Frames of animated PNG files, at any depth.

No library reads them all: Pillow holds 8 bits a channel, ffmpeg does not blend 16 bits, and OpenCV
keeps every frame in memory. So each frame is cut out as a PNG of its own, which is decoded as
any other, and laid over the frames before it as the specification says (PNG, third edition,
sections 4.9 and 13.11).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realesr.errors import UnreadableMediaError
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.media.animations.png_chunks import SIGNATURE, FrameControl, parse_control, read_chunks
from realesr.media.images.decode import decode_image

_COLORS = (b"PLTE", b"tRNS")
"""Chunks, besides IHDR, that pixels depend on."""
_CLEARED, _RESTORED = 1, 2

_Canvas = NDArray[np.unsignedinteger]
"""(H, W, 4) RGBA, uint8 or uint16."""


def read_frames(path: Path) -> Iterator[Image]:
    """Yields whole frames, as stored, with alpha.

    Args:
        path: The file.

    Raises:
        MediaError: A frame is damaged or does not fit.
        OSError: The file cannot be read.
    """
    canvas: _Canvas | None = None
    for size, control, data in _encoded_frames(path):
        part = decode_image(data, path)
        if canvas is None:
            canvas = np.zeros((size[1], size[0], 4), part.pixels.dtype)
        area = canvas[
            control.top : control.top + control.height, control.left : control.left + control.width
        ]
        if area.shape[:2] != (control.height, control.width):
            raise UnreadableMediaError(f"{path}: damaged: a frame lies outside of the image")
        before = area.copy() if control.disposal == _RESTORED else None
        _lay_over(area, part, is_blended=control.is_blended)
        yield Image(
            np.ascontiguousarray(canvas[..., :3]),
            part.is_gray,
            alpha=np.ascontiguousarray(canvas[..., 3]),
        )
        if control.disposal == _CLEARED:
            area[:] = 0
        elif before is not None:
            area[:] = before


def _lay_over(area: _Canvas, part: Image, *, is_blended: bool) -> None:
    """Lays a frame over a part of the canvas, or replaces it."""
    pixels = convert_depth(part.pixels, area.dtype)
    if part.alpha is None or not is_blended:
        area[..., :3] = pixels
        area[..., 3] = part.peak if part.alpha is None else convert_depth(part.alpha, area.dtype)
        return
    peak = part.peak
    front = part.alpha.astype(np.float64)[..., None] / peak
    back = area[..., 3:].astype(np.float64) / peak * (1 - front)
    alpha = front + back
    colors = (pixels * front + area[..., :3] * back) / np.where(alpha > 0, alpha, 1)
    # invisible pixels keep their color, as all do whose front is invisible
    area[..., :3] = np.where(front > 0, np.rint(colors), area[..., :3]).astype(area.dtype)
    area[..., 3:] = np.rint(alpha * peak).astype(area.dtype)


def _encoded_frames(path: Path) -> Iterator[tuple[tuple[int, int], FrameControl, bytes]]:
    """Yields the size of the canvas, px, and each frame: its control, and a PNG file of it."""
    header, colors = b"", b""
    control: FrameControl | None = None
    data: list[bytes] = []
    with path.open("rb") as file:
        for kind, body in read_chunks(file, with_pixels=True):
            if kind == b"IHDR":
                header = body
            elif kind in _COLORS:
                colors += _chunk(kind, body)
            elif kind in (b"fcTL", b"IEND"):
                if control is not None and data:
                    yield _size(header), control, _file(header, control, colors, data)
                control, data = parse_control(body) if kind == b"fcTL" else None, []
            elif kind == b"IDAT" and control is not None:
                data.append(body)
            elif kind == b"fdAT" and control is not None:
                data.append(body[4:])
    if control is not None and data:  # the file is cut short: its decoder says so
        yield _size(header), control, _file(header, control, colors, data)


def _size(header: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", header)
    return width, height


def _file(header: bytes, control: FrameControl, colors: bytes, data: list[bytes]) -> bytes:
    header = struct.pack(">II", control.width, control.height) + header[8:]
    pixels = _chunk(b"IDAT", b"".join(data))
    return SIGNATURE + _chunk(b"IHDR", header) + colors + pixels + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
