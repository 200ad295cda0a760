"""Splitting an image into tiles, and features into strips. All coordinates are integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from realesr.geometry import Region, Size, round_up

STRIP_FEATURES = 2**15
"""Number of features that are upsampled at the same time if the upsampling takes far more memory
than the rest of a network: RRDBNet's upsampling holds 16 times as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A tile of an image, in input px.

    Attributes:
        core: Region that belongs to this tile alone. All cores partition the image.
        extent: Core plus half of the strip that is shared with each neighbor.
        padded: Core with its context: the network's input.
    """

    core: Region
    extent: Region
    padded: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """The tiles of an image, row by row, of nearly equal size.

    Attributes:
        size: Size of the image, px; both sides are multiples of ``multiple_of``.
        tile: Longest side of a core in px, rounded up to a multiple; 0 makes a single tile.
        overlap: Context around a core in px, rounded up to a multiple and cut off at the borders.
        blend: Distance by which an extent exceeds its core, px. It is limited to the context and
            to half of the smallest core, so that a pixel belongs to at most two extents per axis.
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
        """Returns the borders of the cores along an axis: as few cores as possible, equally long.

        The first border is 0 and the last one ``length``, px.
        """
        units = length // self.multiple_of
        longest = round_up(self.tile, self.multiple_of) // self.multiple_of or units
        count = -(-units // longest)
        return [units * number // count * self.multiple_of for number in range(count + 1)]


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of features that are upsampled together.

    Attributes:
        top: First row that belongs to this strip alone.
        bottom: Row after the last one that belongs to this strip alone.
        first: First row of the context above.
        last: Row after the last one of the context below.
    """

    top: int
    bottom: int
    first: int
    last: int

    @property
    def rows(self) -> slice:
        """The rows with context."""
        return slice(self.first, self.last)

    def place(self, factor: int) -> tuple[slice, slice]:
        """Returns where the rows of the strip alone lie, upsampled by ``factor``.

        Returns:
            Their rows in the whole result, and their rows in the result of the strip.
        """
        whole = slice(factor * self.top, factor * self.bottom)
        own = slice(factor * (self.top - self.first), factor * (self.bottom - self.first))
        return whole, own


def strips(height: int, width: int, reach: int) -> Iterator[Strip]:
    """Splits features into strips of at most :data:`STRIP_FEATURES` and at least one row.

    Args:
        height: Number of rows of the features.
        width: Number of columns of the features.
        reach: Number of rows of context on either side.
    """
    rows = max(1, STRIP_FEATURES // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield Strip(top, bottom, max(0, top - reach), min(height, bottom + reach))
