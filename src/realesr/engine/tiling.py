"""Cutting an image into tiles: integers only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from realesr.geometry import Region, Size, round_up

STRIP_FEATURES = 2**15
"""Features that are upsampled at a time where the upsampling takes far more memory than the rest
of a network: RRDBNet's holds 16 times as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One piece of work, in input px.

    Attributes:
        core: What this tile alone stands for. All cores partition the image.
        extent: The core and half of what it shares with each neighbor.
        padded: The core with its context: what the network sees.
    """

    core: Region
    extent: Region
    padded: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """The tiles of an image, row by row, all about as large as each other.

    Attributes:
        size: The image, px; both sides are multiples of ``multiple_of``.
        tile: Longest side of a core in px, rounded up to a multiple; 0 takes the image whole.
        overlap: Context around a core in px, rounded up to a multiple, cut off at the borders.
        blend: How far an extent reaches over its core, px: at most the context, and at most half
            of the smallest core, so that a pixel belongs to no more than two extents an axis.
        multiple_of: Every core and every padded region starts and ends on a multiple of this
            number of px.
    """

    size: Size
    tile: int
    overlap: int
    blend: int = 0
    multiple_of: int = 1

    def __post_init__(self) -> None:
        if self.size.width % self.multiple_of or self.size.height % self.multiple_of:
            raise ValueError(f"{self.size} is not a multiple of {self.multiple_of}")
        if self.tile < 0 or self.overlap < 0 or self.blend < 0:
            raise ValueError("a tile, its overlap and its blend are not negative")

    def __len__(self) -> int:
        return (len(self._cuts(self.size.width)) - 1) * (len(self._cuts(self.size.height)) - 1)

    def __iter__(self) -> Iterator[Tile]:
        margin = round_up(self.overlap, self.multiple_of)
        columns, rows = self._cuts(self.size.width), self._cuts(self.size.height)
        shortest = min(end - start for cuts in (columns, rows) for start, end in pairwise(cuts))
        blend = min(self.blend, margin, shortest // 2)
        for top, bottom in pairwise(rows):
            for left, right in pairwise(columns):
                core = Region(x=left, y=top, size=Size(right - left, bottom - top))
                yield Tile(
                    core=core,
                    extent=core.grown_within(blend, self.size),
                    padded=core.grown_within(margin, self.size),
                )

    def _cuts(self, length: int) -> list[int]:
        """Where cores begin and end along an axis: as few as ``tile`` allows, of equal length."""
        units = length // self.multiple_of
        longest = round_up(self.tile, self.multiple_of) // self.multiple_of or units
        count = -(-units // longest)
        return [units * number // count * self.multiple_of for number in range(count + 1)]


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of features that are upsampled together.

    Attributes:
        top: First row that the strip alone stands for.
        bottom: Row behind the last of these.
        first: First row with context.
        last: Row behind the last one with context.
    """

    top: int
    bottom: int
    first: int
    last: int


def strips(height: int, width: int, reach: int) -> Iterator[Strip]:
    """Cuts features into strips of at most :data:`STRIP_FEATURES` and at least one row.

    Args:
        height: Rows of the features.
        width: Columns of the features.
        reach: Rows of context to either side.
    """
    rows = max(1, STRIP_FEATURES // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield Strip(top, bottom, max(0, top - reach), min(height, bottom + reach))
