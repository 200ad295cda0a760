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
