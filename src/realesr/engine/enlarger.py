"""What makes a picture larger, be it a network or a plain filter."""

from __future__ import annotations

from typing import Protocol

from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.progress import Notify, Progress


class Enlarger(Protocol):
    """Brings pictures to a size."""

    @property
    def scale(self) -> int:
        """Output px per input px, where nothing else is asked for."""
        ...

    def to_size(
        self, image: Image, size: Size, *, on_tile: Progress = ..., notify: Notify = ...
    ) -> Image:
        """Brings a picture to a size, px, in its own depth, rounding once."""
        ...
