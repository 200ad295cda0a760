"""Assembling upscaled tiles into an image, one finished part at a time.

Neighboring tiles share a strip. Across the strip the weight of one tile falls linearly from 1 to 0
while the weight of the other rises, so that weights sum to 1 everywhere. Only strips that still
wait for a neighbor are held in memory; everything else is passed on at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from realesr.engine.tiling import Tile, TileGrid
from realesr.geometry import Region, Size

if TYPE_CHECKING:
    from torch import Tensor

Values = TypeVar("Values", NDArray[np.float32], "Tensor")


def stitch(
    grid: TileGrid, scale: int, upscaled: Iterable[Values]
) -> Iterator[tuple[Region, Values]]:
    """Joins tiles and yields the parts of the result as they become final.

    Args:
        grid: The tiles.
        scale: Output px per input px.
        upscaled: The ``padded`` region of each tile, upscaled, (N, C, h * scale, w * scale): arrays
            in float32, or tensors on any device.

    Yields:
        For each tile, in order, a region in output px and its values. The regions partition the
        result. Without blending, the values are those of the tiles; with blending, float32.
    """
    width = grid.size.width * scale
    above: Values | None = None  # strip that the row of tiles above shares with this one
    below: Values | None = None  # strip that this row shares with the one below
    left: Values | None = None  # strip that the tile to the left shares with this one
    for tile, sr in zip(grid, upscaled, strict=True):
        if tile.core.x == 0:
            above, below, left = below, None, None
        extent = tile.extent.scaled(scale)
        strips = _Strips.of(tile, scale)
        rows, columns = tile.extent.relative_to(tile.padded).scaled(scale).slices
        values = _faded(sr[..., rows, columns], strips)
        values, bottom = _split(values, strips.bottom, dim=-2)
        if bottom is not None:
            if below is None:
                below = _zeros_like(bottom, width)
            below[..., extent.x : extent.right] += bottom
        if left is not None:
            values[..., : strips.left] += left
        values, left = _split(values, strips.right, dim=-1)
        size = Size(values.shape[-1], values.shape[-2])
        if above is not None:
            values[..., : strips.top, :] += above[..., extent.x : extent.x + size.width]
        yield Region(x=extent.x, y=extent.y, size=size), values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strips:
    """Widths of the strips that a tile shares with its neighbors, output px."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, tile: Tile, scale: int) -> Self:
        core, extent = tile.core, tile.extent
        return cls(
            left=2 * (core.x - extent.x) * scale,
            top=2 * (core.y - extent.y) * scale,
            right=2 * (extent.right - core.right) * scale,
            bottom=2 * (extent.bottom - core.bottom) * scale,
        )


def _faded(values: Values, strips: _Strips) -> Values:
    """Multiplies a tile by weights that fall towards each neighbor."""
    height, width = values.shape[-2:]
    if strips.left or strips.right:
        values = values * _as(values, _weights(width, strips.left, strips.right))
    if strips.top or strips.bottom:
        values = values * _as(values, _weights(height, strips.top, strips.bottom)[:, None])
    return values


def _weights(length: int, before: int, after: int) -> NDArray[np.float32]:
    """Returns the weights along an axis, (length,): ramps over the first and last strip.

    The two ramps that meet in a strip are point-symmetric and sum to 1.
    """
    weights = np.ones(length, np.float32)
    weights[:before] = _ramp(before)
    weights[length - after :] = _ramp(after)[::-1]
    return weights


def _ramp(length: int) -> NDArray[np.float32]:
    """Returns a linear ramp from 0 to 1 at pixel centers, (length,)."""
    return ((np.arange(length) + 0.5) / max(length, 1)).astype(np.float32)


def _as(like: Any, weights: NDArray[np.float32]) -> Any:
    """Returns the weights as an array, or as a tensor on the device of ``like``."""
    if isinstance(like, np.ndarray):
        return weights
    import torch

    return torch.from_numpy(weights).to(like.device)


def _zeros_like(like: Any, width: int) -> Any:
    """Returns zeros of the type and shape of ``like``, but with ``width`` columns."""
    shape = (*like.shape[:-1], width)
    return np.zeros(shape, like.dtype) if isinstance(like, np.ndarray) else like.new_zeros(shape)


def _split(values: Values, breadth: int, *, dim: int) -> tuple[Values, Values | None]:
    """Splits a strip off the end of axis -1 or -2; None for a strip of width 0."""
    if not breadth:
        return values, None
    length = values.shape[dim] - breadth
    if dim == -1:
        return values[..., :length], values[..., length:]
    return values[..., :length, :], values[..., length:, :]
