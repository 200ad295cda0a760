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
    """An image and its time in a video.

    Attributes:
        index: Number of the frame, from 0.
        image: Pixels of the frame.
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
        """Ends blocked calls soon, possibly with an error. Another thread calls this."""
        ...


class FrameSource(Abortable, Protocol):
    """Yields frames in order; leaving the context releases its resources."""

    @property
    def frame_count(self) -> int | None:
        """Number of frames that will come; None if it is unknown."""
        ...

    @property
    def decode_errors(self) -> int:
        """Number of frames that could not be decoded; complete after the last frame."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...


class FrameSink(Abortable, Protocol):
    """Writes frames in order; leaving the context without an error renames the partial output."""

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns the size nearest to ``size``, px, that can be written."""
        ...

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Checks, before a frame is upscaled, that the result can be written.

        Args:
            frame: Frame that will be upscaled.
            size: Size of the result, px.

        Returns:
            The frame in a form that the output can hold.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Writes an upscaled frame."""
        ...
