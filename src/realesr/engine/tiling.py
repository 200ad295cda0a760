"""Cutting a picture into tiles: integers only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from realesr.geometry import Region, Size, round_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One piece of work, in input px.

    Attributes:
        core: What this tile contributes to the result. All cores partition the picture.
        padded: The core with its context: what the network sees.
    """

    core: Region
    padded: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """The tiles of a picture, row by row.

    Attributes:
        size: The picture, px; both sides are multiples of ``multiple_of``.
        tile: Side of a core in px, rounded up to a multiple; 0 takes the picture whole.
        overlap: Context around a core in px, rounded up to a multiple, cut off at the borders.
        multiple_of: Every region starts and ends on a multiple of this number of px.
    """

    size: Size
    tile: int
    overlap: int
    multiple_of: int = 1

    def __post_init__(self) -> None:
        if self.size.width % self.multiple_of or self.size.height % self.multiple_of:
            raise ValueError(f"{self.size} is not a multiple of {self.multiple_of}")
        if self.tile < 0 or self.overlap < 0:
            raise ValueError("a tile and its overlap are not negative")

    def __len__(self) -> int:
        side = self._side
        return -(-self.size.width // side) * -(-self.size.height // side)

    def __iter__(self) -> Iterator[Tile]:
        side = self._side
        margin = round_up(self.overlap, self.multiple_of)
        for y in range(0, self.size.height, side):
            for x in range(0, self.size.width, side):
                width, height = min(side, self.size.width - x), min(side, self.size.height - y)
                core = Region(x=x, y=y, size=Size(width, height))
                yield Tile(core=core, padded=core.grown_within(margin, self.size))

    @property
    def _side(self) -> int:
        if self.tile == 0:
            return max(self.size.width, self.size.height)
        return round_up(self.tile, self.multiple_of)
