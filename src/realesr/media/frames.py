"""Frames, and the protocols of their sources and sinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.media.formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An image and its time in a video.

    Attributes:
        index: Number of the frame, from 0.
        image: Pixels of the frame.
        pts: Presentation time, s.
        duration: Time that the frame is shown, s; None if only the next frame tells.
        is_preroll: Whether the frame precedes a segment: it is upscaled, and has no place in the
            output.
    """

    index: int
    image: Image
    pts: Fraction = Fraction(0)
    duration: Fraction | None = None
    is_preroll: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """What the frames of a source are for: some are not needed for every output.

    Attributes:
        path: The output.
        target: Its format.
    """

    path: Path
    target: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a video that is upscaled and encoded by itself.

    Attributes:
        index: Number of the segment, from 0.
        start: Time of its first frame, s; None for the first frame that is read.
        end: Time of the first frame of the next segment, s; None for the last segment.
        seek: Time of a key frame that is early enough to decode every frame of the segment as in
            the whole video, s; None to decode from the beginning.
        position: Number of frames before it, according to the file.
        frames: Number of its frames, according to the file, which may hold damaged ones.
        preroll: Number of frames before the first one that the upscaler must see, without results.
    """

    index: int
    start: Fraction | None = None
    end: Fraction | None = None
    seek: Fraction | None = None
    position: int = 0
    frames: int | None = None
    preroll: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceContent:
    """What the file of a finished segment holds.

    Attributes:
        frames: Number of frames.
        first: Time of the first frame, s.
        last: Time of the last frame, s.
        size_bytes: Size of the file.
    """

    frames: int
    first: Fraction
    last: Fraction
    size_bytes: int


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
