"""The baselines: upscaling by plain filters, without a network."""

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
from realesr.progress import Notify, Progress, no_notice, no_progress


class WithoutNetwork:
    """What all upscalers have in common that need no network: one image at a time, no memory."""

    __slots__ = ()

    @property
    def description(self) -> Description:
        """Description without device and precision, which only a network has."""
        return Description(engine="filter")

    @property
    def batch_size(self) -> int:
        """Largest useful batch: one image per call."""
        return 1

    @property
    def preroll(self) -> int:
        """0: every frame is upscaled by itself."""
        return 0

    def session(self, source: Path, *, is_video: bool) -> Self:
        """Returns this object, which keeps no state between images."""
        return self


@dataclass(frozen=True, slots=True)
class Interpolator(WithoutNetwork):
    """Upscales to any size in one step with a plain filter.

    Attributes:
        method: A name of :data:`realesr.imaging.resize.FILTERS`.
        scale: Default scale factor.
    """

    method: str
    scale: int = 4

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> list[Image]:
        """Resizes images in their own depth, after extending colors under invisible pixels."""
        return [resize(_bled(image), size, image.pixels.dtype, self.method) for image in images]


def _bled(image: Image) -> Image:
    if image.alpha is None:
        return image
    return replace(image, pixels=bleed_colors(image.pixels, image.alpha))
