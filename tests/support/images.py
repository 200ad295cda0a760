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


def write_bomb(path: Path, side: int) -> None:
    """Writes a few hundred bytes that claim to be a PNG, ``side`` px wide and high."""
    data = png(8, 0, [bytes(4)])
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(data[:8] + png_chunk(b"IHDR", header) + data[33:])


def textured_pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured image, (H, W, 3) uint8 RGB, and the same with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (3 + c)) * np.cos(y / (5 + c)) + np.sin(x * y / 900) for c in range(3)]
    clean = np.stack(waves, axis=2) * 50 + 128 + rng.normal(0, 2, (height, width, 3))
    noisy = clean + rng.normal(0, 6, clean.shape)
    first, second = (np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in (clean, noisy))
    return first, second
