"""What a page shows: subjects, each seen through several views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from realesr.errors import InvalidOptionError
from realesr.geometry import Size
from realesr.imaging.upscaler import ImageUpscaler
from realesr.options import UpscaleOptions

Load = Callable[[UpscaleOptions], ImageUpscaler]
"""Loads the upscaler of an entry."""
OnResult = Callable[[str, str], None]
"""Receives the names of an entry and of an image when the result is there."""

_BASE64 = 4 / 3
"""Growth of data in a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An image or a clip as an entry shows it.

    Attributes:
        name: Name of the entry.
        mime: Media type of ``data``.
        data: The encoded file.
        size: Size, px.
        seconds: How long upscaling took, s; None for an input or a ready result.
    """

    name: str
    mime: str
    data: bytes
    size: Size
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An input with all its views.

    Attributes:
        name: Name of the file.
        size: Size in which all views are shown, px.
        views: The input first, then the entries in their order.
        fps: Frames per second of a clip; None for an image.
        frames: Number of frames; 1 for an image.
    """

    name: str
    size: Size
    views: tuple[View, ...]
    fps: Fraction | None = None
    frames: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a page shows.

    Attributes:
        kind: Images, or clips.
        entries: Names of the entries in order, without the input.
        subjects: The inputs with their views.
    """

    kind: Literal["images", "clips"]
    entries: tuple[str, ...]
    subjects: tuple[Subject, ...]


def amount(size_bytes: float) -> str:
    """Returns a size in words, of at least 1 kB."""
    if size_bytes < 1e6:
        return f"{max(1, size_bytes / 1e3):.0f} kB"
    return f"{size_bytes / 1e6:.0f} MB"


class Budget:
    """Counts the bytes of a page, and refuses it as soon as it must become too large.

    Args:
        limit: Largest size of the page, bytes.
        views: Number of views that are to come.
    """

    def __init__(self, limit: int, views: int) -> None:
        self._limit = limit
        self._views = views
        self._taken = 0
        self._used = 0.0

    def take(self, data: bytes) -> None:
        """Counts a view.

        Raises:
            InvalidOptionError: The page is too large.
        """
        self._taken += 1
        self._used += len(data) * _BASE64
        if self._used > self._limit:
            raise InvalidOptionError(
                f"the page would hold more than {amount(self._limit)}: {self._taken} of "
                f"{self._views} images or clips take {amount(self._used)}. Compare fewer, or parts "
                "of them (`crop` 400x300), or allow more with `limit`"
            )
