"""The baselines: what enlarging is without a network."""

from __future__ import annotations

from dataclasses import dataclass, replace

from realesr.geometry import Size
from realesr.imaging.alpha import bleed_colors
from realesr.imaging.image import Image
from realesr.imaging.resize import resize
from realesr.progress import Notify, Progress, ignore, uncounted


@dataclass(frozen=True, slots=True)
class Interpolator:
    """Enlarges with a plain filter, in one step, whatever the size.

    Attributes:
        method: A name of :data:`realesr.imaging.resize.FILTERS`.
        scale: What is enlarged by where nothing else is asked for.
    """

    method: str
    scale: int = 4

    def to_size(
        self, image: Image, size: Size, *, on_tile: Progress = uncounted, notify: Notify = ignore
    ) -> Image:
        """Resizes a picture in its own depth; colours bleed under invisible pixels first."""
        if image.alpha is not None:
            image = replace(image, pixels=bleed_colors(image.pixels, image.alpha))
        return resize(image, size, image.pixels.dtype, self.method)
