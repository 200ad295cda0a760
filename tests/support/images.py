"""Images on disk."""

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


def textured_pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured image, (H, W, 3) uint8 RGB, and the same with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (3 + c)) * np.cos(y / (5 + c)) + np.sin(x * y / 900) for c in range(3)]
    clean = np.stack(waves, axis=2) * 50 + 128 + rng.normal(0, 2, (height, width, 3))
    noisy = clean + rng.normal(0, 6, clean.shape)
    first, second = (np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in (clean, noisy))
    return first, second
