"""Pictures on disk."""

from pathlib import Path

from realesr.imaging.image import Image
from realesr.media.images import encode_image


def write_image(path: Path, image: Image) -> None:
    """Writes a picture without the detour over a partial file."""
    path.write_bytes(encode_image(image, path))
