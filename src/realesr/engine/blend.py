"""Putting enlarged tiles together, piece by finished piece.

Neighbouring tiles share a strip. Across it the weight of the one falls linearly from 1 to 0 and
that of the other rises, so that weights sum to 1 everywhere. Only the strips that still wait for a
neighbour are held as float; everything else is handed on at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from realesr.engine.tiling import Tile, TileGrid
from realesr.geometry import Region, Size


def stitch(
    grid: TileGrid, scale: int, enlarged: Iterable[Tensor]
) -> Iterator[tuple[Region, Tensor]]:
    """Puts tiles together and yields the parts of the result as they become final.

    Args:
        grid: The tiles.
        scale: Output px per input px.
        enlarged: The ``padded`` region of each tile, enlarged, (N, C, h * scale, w * scale).

    Yields:
        For each tile, in order, a region in output px and its values, float32. The regions
        partition the result. Without blending the values are the tiles' own, untouched.
    """
    width = grid.size.width * scale
    above: Tensor | None = None  # strip that the row of tiles above shares with this one
    below: Tensor | None = None  # strip that this row shares with the one below
    left: Tensor | None = None  # strip that the tile to the left shares with this one
    for tile, sr in zip(grid, enlarged, strict=True):
        if tile.core.x == 0:
            above, below, left = below, None, None
        extent = tile.extent.scaled(scale)
        strips = _Strips.of(tile, scale)
        rows, columns = tile.extent.relative_to(tile.padded).scaled(scale).slices
        values = strips.weigh(sr[..., rows, columns].float())
        values, bottom = _split(values, strips.bottom, dim=-2)
        if bottom is not None:
            if below is None:
                below = bottom.new_zeros((*bottom.shape[:-1], width))
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
    """Breadth of what a tile shares with its neighbours, output px."""

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

    def weigh(self, values: Tensor) -> Tensor:
        """Lets the values fade towards each neighbour; without neighbours the same tensor."""
        for dim, before, after in ((-1, self.left, self.right), (-2, self.top, self.bottom)):
            if before or after:
                weights = values.new_ones(values.shape[dim])
                weights[:before] = _ramp(before, values)
                weights[len(weights) - after :] = _ramp(after, values).flip(0)
                values = values * (weights if dim == -1 else weights[:, None])
        return values


def _ramp(length: int, like: Tensor) -> Tensor:
    """Rises from 0 to 1 and is point-symmetric: with its mirror image it sums to 1."""
    return (torch.arange(length, dtype=like.dtype, device=like.device) + 0.5) / max(length, 1)


def _split(values: Tensor, breadth: int, *, dim: int) -> tuple[Tensor, Tensor | None]:
    """Cuts a strip off the end of an axis."""
    if not breadth:
        return values, None
    length = values.shape[dim] - breadth
    return values.narrow(dim, 0, length), values.narrow(dim, length, breadth)
