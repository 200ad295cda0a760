"""What makes an image larger, be it a network or a plain filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.progress import Notify, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """How an upscaler computes.

    Attributes:
        engine: ``native``, ``PyTorch`` or ``filter``.
        device: ``cpu``, ``cuda:0``, ...; None for a plain filter.
        precision: ``fp32``, ``fp16``, ``bf16`` or ``mixed``; None for a plain filter.
        tile: Side of a tile in input px; 0 takes images whole; None is decided with the first
            image, or there are no tiles.
    """

    engine: str
    device: str | None = None
    precision: str | None = None
    tile: int | None = None


class ImageUpscaler(Protocol):
    """Brings images to a size."""

    @property
    def description(self) -> Description:
        """How it computes."""
        ...

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
