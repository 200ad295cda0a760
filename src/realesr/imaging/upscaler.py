"""What makes an image larger, be it a network or a plain filter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.progress import Notify, Progress


class ImageUpscaler(Protocol):
    """Brings images to a size."""

    @property
    def scale(self) -> int:
        """Output px per input px, where nothing else is asked for."""
        ...

    @property
    def workers(self) -> int:
        """Number of threads that may call it at the same time."""
        ...

    @property
    def batch(self) -> int:
        """Largest useful batch: images of one size in one call."""
        ...

    def session(self, source: Path, *, is_video: bool) -> ImageUpscaler:
        """The one for a job's frames, which knows nothing of other jobs; mostly the same.

        Args:
            source: The input, for what is told of it.
            is_video: Whether frames follow each other; otherwise there is one image.
        """
        ...

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = ...,
        notify: Notify = ...,
    ) -> list[Image]:
        """Brings images of one kind and size to a size, px, in their own depth, rounding once."""
        ...
