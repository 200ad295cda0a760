"""What all writers of animations share: times, the temporary name, and the order of frames."""

from __future__ import annotations

import shutil
import sys
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from realesr.errors import RealesrError, UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata
from realesr.media.animations.timeline import FOREVER, MISSING_DURATION
from realesr.media.formats import STANDARD_STREAM, ImageFormat
from realesr.media.frames import Frame
from realesr.options import DEFAULT_ENCODING, EncodingOptions
from realesr.partial import temporary_folder
from realesr.progress import Notice, Notify, no_notice
from realesr.reasons import reason_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """How an animation is played, apart from the times that frames carry.

    Attributes:
        plays: How often it is played in all; 0 for no end.
        fps: Constant frame rate, 1/s; None if every frame keeps its time.
        last: Time that the last frame is shown if it does not say so, s; None for as long as the
            one before.
        time_base: A length of which all times are multiples, s.
    """

    plays: int = FOREVER
    fps: Fraction | None = None
    last: Fraction | None = None
    time_base: Fraction = Fraction(1, 1000)


class AnimationSink(ABC):
    """A sink of frames that writes an animation, which gets its name when it is whole.

    Args:
        path: The destination. A missing folder is created. ``-`` is standard output.
        target: The format.
        playback: How it is played.
        encoding: Quality, or lossless.
        notify: Receives a sentence for everything that the file does not hold.
    """

    tick: Fraction | None = None
    """The unit of times in the format, s; None for any."""
    least_ticks = 1
    """Number of ticks that a frame is shown at least; those that follow sooner are left out."""

    def __init__(
        self,
        path: Path,
        *,
        target: ImageFormat,
        playback: Playback,
        encoding: EncodingOptions = DEFAULT_ENCODING,
        notify: Notify = no_notice,
    ) -> None:
        self.frames = 0
        """Number of frames that have been written."""
        self._path = path
        self._target = target
        self._playback = playback
        self._encoding = encoding
        self._notify = notify
        self._stack = ExitStack()
        self._folder = Path()
        self._pending: tuple[Frame, Fraction] | None = None
        self._first: Fraction | None = None
        self._is_rounded = False
        self._left_out = 0

    @abstractmethod
    def _begin(self, image: Image) -> None:
        """Begins the file, whose frames look like this upscaled one."""

    @abstractmethod
    def _put(self, image: Image, start: Fraction, duration: Fraction) -> None:
        """Writes a frame; times are multiples of the tick, s."""

    @abstractmethod
    def _finish(self, duration: Fraction, last: Fraction) -> Path:
        """Ends the file and returns it.

        Args:
            duration: Length of the animation, s.
            last: Time that the last frame is shown, s.
        """

    def __enter__(self) -> Self:
        return self

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns ``size``: the limits of the format are checked by :meth:`prepare`."""
        return size

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Checks, before the first frame is upscaled, that the result can be written.

        Args:
            frame: The next frame, before it is upscaled.
            size: Size of the upscaled frames, px.

        Returns:
            The frame.

        Raises:
            UnwritableMediaError: The format cannot hold the size, or the folder is not writable.
        """
        if self._first is not None:
            return frame
        image = frame.image
        depth = image.pixels.dtype.itemsize if self._target.supports_16_bit else 1
        channels = 3 + (image.alpha is not None)
        self._target.check_fits(self._path, size, channels=channels, byte_depth=depth)
        if image.pixels.dtype.itemsize > depth:
            self._notify(
                Notice("depth-reduced", f"{self._target.name} holds 8 bits a channel: rounded")
            )
        self._first = frame.pts
        folder: Path | None = None
        try:
            if self._path != STANDARD_STREAM:
                if self._path.is_dir():
                    raise UnwritableMediaError(
                        f"{self._path}: is a folder: choose another `output`"
                    )
                folder = self._path.parent
                folder.mkdir(parents=True, exist_ok=True)
            self._folder = self._stack.enter_context(temporary_folder(folder))
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {reason_of(error)}") from error
        return frame

    def write(self, frame: Frame) -> None:
        """Writes a frame. It is held back until the next one tells how long it is shown.

        Raises:
            MediaError: It cannot be written.
        """
        if self._first is None:
            raise ValueError("prepare() comes before write()")
        try:
            self._write(frame, self._first)
        except OSError as error:
            if isinstance(error, RealesrError):
                raise
            raise UnwritableMediaError(f"{self._path}: {reason_of(error)}") from error

    def _write(self, frame: Frame, first: Fraction) -> None:
        start = self._rounded(self._time(frame, first))
        if self._pending is None:
            self._begin(self._fitted(frame.image))
        else:
            before = self._pending[1]
            if self.tick is not None and start - before < self.least_ticks * self.tick:
                self._left_out += 1
                return
            self._put(self._fitted(self._pending[0].image), before, start - before)
            self.frames += 1
        self._pending = frame, start

    def abort(self) -> None:  # noqa: B027 -- what does not block needs none
        """Ends blocked calls soon, from any thread; by default there are none."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        with self._stack:
            if kind is None and self._pending is not None and self._first is not None:
                try:
                    self._end(*self._pending)
                except OSError as failure:
                    if isinstance(failure, RealesrError):
                        raise
                    raise UnwritableMediaError(f"{self._path}: {reason_of(failure)}") from failure

    def _end(self, frame: Frame, start: Fraction) -> None:
        last = self._last_duration(frame, start)
        self._put(self._fitted(frame.image), start, last)
        self.frames += 1
        result = self._finish(start + last, last)
        if self._path == STANDARD_STREAM:
            with result.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            result.replace(self._path)
        self._report_times()

    def _time(self, frame: Frame, first: Fraction) -> Fraction:
        fps = self._playback.fps
        return frame.pts - first if fps is None else frame.index / fps

    def _rounded(self, time: Fraction, least: int = 0) -> Fraction:
        if self.tick is None:
            return time
        ticks = max(least, round(time / self.tick))
        self._is_rounded = self._is_rounded or ticks * self.tick != time
        return ticks * self.tick

    def _last_duration(self, frame: Frame, start: Fraction) -> Fraction:
        playback = self._playback
        last = frame.duration or playback.last or MISSING_DURATION
        if playback.fps is not None:
            last = 1 / playback.fps
        # The end is rounded, not the length, so that the sum of all is right.
        end = self._rounded(self._time(frame, self._first or Fraction(0)) + last)
        least = self.least_ticks * (self.tick or Fraction(0))
        return max(end - start, least)

    def _report_times(self) -> None:
        name, tick = self._target.name, self.tick
        if self._is_rounded and tick is not None:
            self._notify(
                Notice(
                    "times-rounded",
                    f"{name} counts time in {tick} s: frames begin up to {tick / 2} s earlier or "
                    "later, and the whole is as long as before",
                )
            )
        if self._left_out and tick is not None:
            self._notify(
                Notice(
                    "frames-left-out",
                    f"{self._left_out} of {self._left_out + self.frames} frames are left out: "
                    f"players show no frame of a {name} for less than {self.least_ticks * tick} s",
                )
            )

    def _fitted(self, image: Image) -> Image:
        """Returns a frame in the depth that the format holds."""
        if self._target.supports_16_bit or image.pixels.dtype == np.uint8:
            return image
        alpha = None if image.alpha is None else convert_depth(image.alpha, np.dtype(np.uint8))
        pixels = convert_depth(image.pixels, np.dtype(np.uint8))
        return replace(image, pixels=pixels, alpha=alpha)

    def _drop_metadata(self, metadata: Metadata) -> None:
        """Tells that the format gets no metadata."""
        if metadata.icc:
            self._notify(
                Notice("color-profile-dropped", f"animated {self._target.name} gets no profile")
            )
        if metadata.exif or metadata.xmp:
            self._notify(
                Notice("metadata-dropped", f"animated {self._target.name} gets no EXIF and no XMP")
            )
