"""Integer algebra of pixels: sizes, regions and paddings. Width comes first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """A width and a height in px, both at least 1.

    Raises:
        ValueError: A side is shorter than 1 px.
    """

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a size has sides of at least 1 px, not {self.width}x{self.height}")

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def scaled(self, factor: float) -> Size:
        """Returns both sides times ``factor``, rounded down like the reference, at least 1 px."""
        return Size(max(1, int(self.width * factor)), max(1, int(self.height * factor)))

    def fitted(self, width: int | None, height: int | None) -> Size:
        """Returns the size of the same proportions that fits a width, a height or both, px."""
        factors = [
            limit / side
            for limit, side in ((width, self.width), (height, self.height))
            if limit is not None
        ]
        factor = min(factors, default=1.0)
        return Size(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    def padding_to(self, *, multiple_of: int, minimum: int = 1) -> Padding:
        """Returns the padding that makes both sides a multiple, and at least ``minimum`` px."""
        right, bottom = (
            round_up(max(side, minimum), multiple_of) - side for side in (self.width, self.height)
        )
        return Padding(right=right, bottom=bottom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Pixels added on the right and at the bottom only, so that coordinates stay valid."""

    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return bool(self.right or self.bottom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A rectangle, given by its top left corner and its size, px."""

    x: int
    y: int
    size: Size

    @property
    def right(self) -> int:
        """First column to the right of the region."""
        return self.x + self.size.width

    @property
    def bottom(self) -> int:
        """First row below the region."""
        return self.y + self.size.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of rows and columns, to index an array on its axes H, W."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def scaled(self, factor: int) -> Region:
        """Returns the same region in an image ``factor`` times as large."""
        size = Size(self.size.width * factor, self.size.height * factor)
        return Region(x=self.x * factor, y=self.y * factor, size=size)

    def grown_within(self, margin: int, bounds: Size) -> Region:
        """Returns the region with ``margin`` px more on every side, clipped to the image."""
        x, y = max(0, self.x - margin), max(0, self.y - margin)
        right = min(bounds.width, self.right + margin)
        bottom = min(bounds.height, self.bottom + margin)
        return Region(x=x, y=y, size=Size(right - x, bottom - y))

    def relative_to(self, outer: Region) -> Region:
        """Returns the region in coordinates relative to the top left corner of ``outer``."""
        return Region(x=self.x - outer.x, y=self.y - outer.y, size=self.size)


def round_up(value: int, multiple_of: int) -> int:
    """Returns the smallest multiple of ``multiple_of`` that is at least ``value``."""
    return -(-value // multiple_of) * multiple_of
