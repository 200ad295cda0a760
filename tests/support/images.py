"""Images on disk."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from realesr.imaging.image import Image
from realesr.media.images.encode import encode_image

_SMOOTH = np.stack(np.meshgrid(np.arange(0, 240, 6), np.arange(0, 200, 5)), axis=2)
COLOR = np.concatenate([_SMOOTH, 255 - _SMOOTH[..., :1]], axis=2).astype(np.uint8)
"""A smooth gradient, (40, 40, 3) uint8 RGB, of which lossy formats lose little."""


def write_image(path: Path, image: Image, *arguments: Any) -> None:
    """Writes an image without the detour over a partial file."""
    path.write_bytes(b"".join(encode_image(image, path, *arguments)))


def parse_exif(image: Image) -> PillowImage.Exif:
    """Parses the EXIF block that an image carries."""
    exif = PillowImage.Exif()
    exif.load(b"Exif\0\0" + (image.metadata.exif or b""))
    return exif


def png(bits: int, color_type: int, rows: list[bytes], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand: ``rows`` are packed bytes; chunks stand in front of the pixels."""
    height, width = len(rows), len(rows[0]) * 8 // bits // {0: 1, 2: 3, 3: 1, 4: 2}[color_type]
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in parts)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
