"""Images in time, and what they come from and go to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self

from realesr.geometry import Size
from realesr.imaging.image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An image in its place in time.

    Attributes:
        index: Number of the frame, from 0.
        image: Its pixels.
        pts: Presentation time, s.
    """

    index: int
    image: Image
    pts: Fraction = Fraction(0)


class Abortable(Protocol):
    """A context manager that can be ended from outside."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def abort(self) -> None:
        """Lets whatever waits for it end soon, or fail; called from another thread."""
        ...


class FrameSource(Abortable, Protocol):
    """Gives frames in order; leaving it lets go of what it holds."""

    @property
    def expected(self) -> int | None:
        """How many frames will come; None if nobody knows."""
        ...

    @property
    def decode_errors(self) -> int:
        """How many frames could not be decoded, once all have come."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...


class FrameSink(Abortable, Protocol):
    """Takes frames in order; a clean end gives the output its name."""

    def nearest_supported_size(self, size: Size) -> Size:
        """The size that comes next to a size, px, among those that can be written."""
        ...

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Makes sure that the result can be written, before any work is spent.

        Args:
            frame: What is going to be upscaled.
            size: What it is going to be upscaled to, px.

        Returns:
            The frame as the output can hold it.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Writes an upscaled frame."""
        ...
