"""The baselines: what upscaling is without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from realesr.geometry import Size
from realesr.imaging.alpha import bleed_colors
from realesr.imaging.image import Image
from realesr.imaging.resize import resize
from realesr.imaging.upscaler import Description
from realesr.progress import Notify, Progress, ignore, no_progress


@dataclass(frozen=True, slots=True)
class Interpolator:
    """Upscales with a plain filter, in one step, whatever the size.

    Attributes:
        method: A name of :data:`realesr.imaging.resize.FILTERS`.
        scale: What is upscaled by where nothing else is asked for.
    """

    method: str
    scale: int = 4

    @property
    def description(self) -> Description:
        """A filter has neither a device nor a precision."""
        return Description(engine="filter")

    @property
    def batch_size(self) -> int:
        """One at a time."""
        return 1

    def session(self, source: Path, *, is_video: bool) -> Self:
        """The same: nothing is kept from one image to the next."""
        return self

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = no_progress,
        notify: Notify = ignore,
    ) -> list[Image]:
        """Resizes images in their own depth; colors bleed under invisible pixels first."""
        return [resize(_bled(image), size, image.pixels.dtype, self.method) for image in images]


def _bled(image: Image) -> Image:
    if image.alpha is None:
        return image
    return replace(image, pixels=bleed_colors(image.pixels, image.alpha))
