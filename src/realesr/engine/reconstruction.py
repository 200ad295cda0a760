"""Classical reconstruction, without a network: the result, reduced, is to be the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from realesr.engine.interpolation import Interpolator, WithoutNetwork
from realesr.engine.tiling import TileGrid
from realesr.geometry import Size
from realesr.imaging.alpha import bleed_colors
from realesr.imaging.backprojection import sharpened
from realesr.imaging.depth import to_depth
from realesr.imaging.image import Image, PixelDType, Plane
from realesr.imaging.resize import resize_plane, upscale_values
from realesr.imaging.total_variation import MARGIN, TILE, upscale_plane
from realesr.progress import Notify, Progress, no_notice, no_progress

Values = NDArray[np.float32]

_LARGEST_SCALE = 8
"""Largest factor that is reconstructed; a plain filter does the rest."""
_FINE = np.dtype(np.uint16)


@dataclass(frozen=True, slots=True)
class Reconstructor(WithoutNetwork):
    """Upscales to any size by a model of how the input was made: a bicubic reduction.

    Total variation is computed at the next whole factor, and resized by Lanczos' filter.

    Attributes:
        method: ``ibp``, :mod:`realesr.imaging.backprojection`, or ``tv``,
            :mod:`realesr.imaging.total_variation`.
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
        """Upscales images in their own depth; alpha is upscaled by a bicubic filter.

        Args:
            images: Images of the same kind and size.
            size: Size of the results, px. Smaller ones are made by a bicubic filter.
            on_tile: Called with the number of finished tiles and the number of all tiles.
            notify: Not used.
        """
        return [self._upscale(image, size, on_tile) for image in images]

    def _upscale(self, image: Image, size: Size, on_tile: Progress) -> Image:
        dtype = image.pixels.dtype
        ratio = max(size.width / image.size.width, size.height / image.size.height)
        if ratio <= 1:
            return Interpolator("bicubic").upscale_to([image], size)[0]
        scale = min(math.ceil(ratio), _LARGEST_SCALE)
        alpha, pixels = image.alpha, image.pixels
        if alpha is not None:
            pixels = bleed_colors(pixels, alpha)
            alpha = resize_plane(alpha, size, dtype, "bicubic")
        out = np.empty((size.height, size.width, 3), dtype)
        channels = 1 if image.is_gray else 3
        for channel in range(channels):
            plane = pixels[..., channel].astype(np.float32) / np.float32(image.peak)
            if self.method == "ibp":
                out[..., channel] = resize_plane(sharpened(plane, scale), size, dtype, "bicubic")
                on_tile(channel + 1, channels)
            else:
                out[..., channel] = _least_variation(
                    plane, size, scale, dtype, _Count(on_tile, channel, channels)
                )
        if image.is_gray:
            out[..., 1:] = out[..., :1]
        return replace(image, pixels=out, alpha=alpha)


@dataclass(frozen=True, slots=True)
class _Count:
    """Counts the tiles of all channels."""

    on_tile: Progress
    channel: int
    channels: int

    def __call__(self, done: int, total: int) -> None:
        self.on_tile(self.channel * total + done, self.channels * total)


def _least_variation(
    plane: Values, size: Size, scale: int, dtype: PixelDType, on_tile: Progress
) -> Plane:
    """Upscales a plane, (h, w) in [0, 1], tile by tile, to a size."""
    height, width = plane.shape
    own = Size(width * scale, height * scale)
    out = np.empty((own.height, own.width), dtype if own == size else _FINE)
    grid = TileGrid(size=Size(width, height), tile=max(1, TILE // scale), overlap=MARGIN)
    tiles = list(grid)
    for done, tile in enumerate(tiles, 1):
        part = np.ascontiguousarray(plane[tile.padded.slices])
        values = upscale_plane(part, upscale_values(sharpened(part, scale), scale))
        inner = tile.core.relative_to(tile.padded)
        out[tile.core.scaled(scale).slices] = to_depth(
            values[inner.scaled(scale).slices], out.dtype
        )
        on_tile(done, len(tiles))
    return out if own == size else resize_plane(out, size, dtype, "lanczos")
