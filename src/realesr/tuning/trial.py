"""Short real runs of models on parts of an input."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from realesr.comparison.regions import most_detailed_regions
from realesr.geometry import Region, Size
from realesr.imaging.image import Image
from realesr.imaging.resize import resize
from realesr.imaging.upscaler import ImageUpscaler

PART = Size(128, 96)
"""Size of a part, px: a second or two for a large network on a CPU."""
PARTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The run of a model on the parts.

    Attributes:
        name: Name of the model.
        results: The upscaled parts.
        seconds_per_pixel: Time for a pixel of the input, before any reduction, s.
        device: Device of the network; None for a plain filter.
    """

    name: str
    results: tuple[Image, ...]
    seconds_per_pixel: float
    device: str | None


def detailed_regions(image: Image) -> tuple[Region, ...]:
    """Returns the places of an image with the most detail, without overlap."""
    return tuple(most_detailed_regions(image.pixels, PART, PARTS))


def cut_parts(image: Image, regions: Sequence[Region]) -> tuple[Image, ...]:
    """Returns parts of an image, without metadata."""
    parts = []
    for region in regions:
        pixels = np.ascontiguousarray(image.pixels[region.slices])
        alpha = None if image.alpha is None else np.ascontiguousarray(image.alpha[region.slices])
        parts.append(Image(pixels, image.is_gray, alpha=alpha))
    return tuple(parts)


def run_trial(
    name: str,
    upscaler: ImageUpscaler,
    parts: Sequence[Image],
    outscale: float,
    *,
    reduced_by: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Trial:
    """Upscales parts once to warm up, and once more to measure the time.

    Args:
        name: Name of the model.
        upscaler: The loaded model.
        parts: The parts, all of one size.
        outscale: Output px per px of the parts along each side.
        reduced_by: Factor by which the parts are reduced first.
        clock: Returns a time, s.
    """
    size, small = parts[0].size.scaled(outscale), parts[0].size.scaled(1 / reduced_by)
    taken = [part if reduced_by == 1 else resize(part, small, part.pixels.dtype) for part in parts]
    upscaler.upscale_to([taken[0]], size)
    started = clock()
    results = [upscaler.upscale_to([part], size)[0] for part in taken]
    seconds = clock() - started
    pixels = sum(part.size.area for part in parts)
    return Trial(
        name=name,
        results=tuple(results),
        seconds_per_pixel=seconds / pixels,
        device=upscaler.description.device,
    )
