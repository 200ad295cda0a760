"""Frames, and the protocols of their sources and sinks."""

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
    """An image with its place in a video.

    Attributes:
        index: Number of the frame, from 0.
        image: The pixels.
        pts: Presentation time, s.
    """

    index: int
    image: Image
    pts: Fraction = Fraction(0)


class Abortable(Protocol):
    """A context manager whose work another thread can end."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def abort(self) -> None:
        """Makes calls that wait return soon or raise an error; called from another thread."""
        ...


class FrameSource(Abortable, Protocol):
    """A source of frames in order. Leaving the context releases its resources."""

    @property
    def expected(self) -> int | None:
        """Number of frames that will come; None if it is unknown."""
        ...

    @property
    def decode_errors(self) -> int:
        """Number of frames that could not be decoded; final when all frames have come."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...


class FrameSink(Abortable, Protocol):
    """A sink of frames in order. Leaving the context without an exception names the output."""

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns the size closest to a given one, px, among those that can be written."""
        ...

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Checks that the output can be written, before a frame is upscaled.

        Args:
            frame: The frame that will be upscaled.
            size: Size of the upscaled frame, px.

        Returns:
            The frame, without what the output cannot hold.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Writes an upscaled frame."""
        ...
