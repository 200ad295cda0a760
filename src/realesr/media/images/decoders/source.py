"""What every decoder is given, and the steps that all of them share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from realesr.errors import UnsupportedMediaError
from realesr.imaging.image import Image, Metadata
from realesr.media.images.limits import check_size
from realesr.progress import Notice, Notify


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """An image file in memory.

    Attributes:
        path: Name of the file in errors.
        data: Its content.
        max_pixels: Largest image that is decoded, px.
        notify: Receives notices about everything that the result does not carry.
        smooth_color: Whether the color of a JPEG is smoothed.
    """

    path: Path
    data: bytes
    max_pixels: int | None
    notify: Notify
    smooth_color: bool = False

    def check_size(self, width: int, height: int, *, pixel_bytes: int = 4) -> None:
        """Checks, before pixels are decoded, the size that the header states.

        Args:
            width: Stated width, px.
            height: Stated height, px.
            pixel_bytes: Size of a decoded pixel, bytes.

        Raises:
            UnsupportedMediaError: It exceeds ``max_pixels``, or is much too large for the file.
            OutOfMemoryError: It does not fit into the free memory.
        """
        check_size(
            self.path,
            width,
            height,
            file_bytes=len(self.data),
            pixel_bytes=pixel_bytes,
            max_pixels=self.max_pixels,
        )

    def notify_pages(self, count: int) -> None:
        """Gives notice that the file holds more images than the first."""
        if count > 1:
            self.notify(Notice("pages-dropped", f"holds {count} images: only the first is taken"))

    def notify_damage(self, reason: object) -> None:
        """Gives notice that pixels are probably wrong, with the decoder's own words."""
        words = " ".join(str(reason).split())
        self.notify(Notice("image-damaged", f"damaged, and parts may look wrong: {words}"))

    def require(self, module: str, package: str) -> ModuleType:
        """Imports a library that only some formats need.

        Args:
            module: Name of the module.
            package: What pip installs.

        Raises:
            UnsupportedMediaError: It is not installed; the message says how to install it.
        """
        try:
            return import_module(module)
        except ImportError as error:
            raise UnsupportedMediaError(
                f"{self.path}: reading it needs another package: pip install {package}"
            ) from error


def finish(image: Image, metadata: Metadata, orientation: int = 1) -> Image:
    """Turns a decoded image upright and adds its metadata.

    Args:
        image: The image as stored.
        metadata: Its metadata.
        orientation: EXIF orientation, 1 to 8 (CIPA DC-008, section 4.6.5); 1 is upright.
    """
    return replace(
        image,
        pixels=_turn(image.pixels, orientation),
        alpha=None if image.alpha is None else _turn(image.alpha, orientation),
        metadata=metadata,
    )


def gray_to_rgb(gray: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """Returns a gray image, (H, W), three times, (H, W, 3)."""
    return np.repeat(gray[..., None], 3, axis=2)


def _turn(array: NDArray[np.unsignedinteger], orientation: int) -> NDArray[np.unsignedinteger]:
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
