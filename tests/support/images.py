"""Images on disk."""

from pathlib import Path
from typing import Any

from realesr.imaging.image import Image
from realesr.media.images.encode import encode_image


def write_image(path: Path, image: Image, *arguments: Any) -> None:
    """Writes an image without the detour over a partial file."""
    path.write_bytes(b"".join(encode_image(image, path, *arguments)))
