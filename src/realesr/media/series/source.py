"""Numbered image files as the frames of a film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from realesr.errors import InvalidOptionError, UnreadableMediaError, UnsupportedMediaError
from realesr.geometry import Size
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, PixelDType
from realesr.media.frames import Frame, FrameSource
from realesr.media.images.decode import read_image
from realesr.media.series.names import Series, find_series
from realesr.options import DEFAULT_MAX_PIXELS, DEFAULT_VIDEO, VideoOptions
from realesr.progress import Notice, Notify, no_notice

_ANY_RATE = Fraction(25)
"""Frames per second where no output asks for times."""


class SeriesSource:
    """The frames of a folder, or of a pattern such as ``frames/%06d.png``.

    A number that is missing leaves its time to the frame before, so that sound still fits.

    Args:
        path: The folder or the pattern.
        options: Which part is read, the frame rate, and whether the color of JPEG is smoothed.
        needs_rate: Whether an output is made that has times.
        max_pixels: Largest frame that is read, px.
        is_done: Whether the frame of a number is there already, and need not be read.
        notify: Receives a sentence for everything that is not as in a film.
    """

    def __init__(
        self,
        path: Path,
        *,
        options: VideoOptions = DEFAULT_VIDEO,
        needs_rate: bool = True,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        is_done: Callable[[int], bool] = lambda number: False,
        notify: Notify = no_notice,
    ) -> None:
        self.first_image: Image | None = None
        """The first frame, once it has been given."""
        self.path = path
        self.frames: tuple[tuple[int, Path], ...] = ()
        """Number and file of the frames that are read; available within the context."""
        self._options = options
        self._needs_rate = needs_rate
        self._max_pixels = max_pixels
        self._is_done = is_done
        self._notify = notify
        self._first = 0

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return self._options.fps or _ANY_RATE

    @property
    def times(self) -> tuple[Fraction, ...]:
        """When each frame is shown, s; available within the context."""
        return tuple(Fraction(number - self._first) / self.rate for number, _ in self.frames)

    @property
    def last_duration(self) -> Fraction:
        """How long the last frame is shown, s."""
        return 1 / self.rate

    @property
    def frame_count(self) -> int | None:
        """Number of frames that will come; None before the context is entered."""
        return len(self.frames) or None

    @property
    def decode_errors(self) -> int:
        """Number of frames that could not be decoded: 0, because each one is needed."""
        return 0

    def __enter__(self) -> Self:
        """Looks for the frames.

        Raises:
            UnreadableMediaError: There are none in this part.
            InvalidOptionError: There are several series, or the frame rate is missing, which times
                need as well.
        """
        has_times = self._options.start > 0 or self._options.end is not None
        if (self._needs_rate or has_times) and self._options.fps is None:
            raise InvalidOptionError(f"{self.path}: frames have no rate of their own: add `fps` 24")
        series = find_series(self.path)
        self._report(series)
        first = series.frames[0][0]
        options = self._options
        part = [
            (number, file)
            for number, file in series.frames
            if Fraction(number - first) / self.rate >= options.start
            and (options.end is None or Fraction(number - first) / self.rate < options.end)
        ][: options.frames]
        if not part:
            raise UnreadableMediaError(f"{self.path}: there is no frame in this part")
        todo = [each for each in part if not self._is_done(each[0])]
        if len(todo) < len(part):
            self._notify(_kept(len(part) - len(todo)))
        # A run gives at least one frame: the last one is made once more.
        self.frames = tuple(todo or part[-1:])
        self._first = first
        return self

    def __exit__(self, *error: object) -> None:
        """Does nothing: no file stays open."""

    def abort(self) -> None:
        """Does nothing: reading a file does not block."""

    def number_of(self, index: int) -> int:
        """Returns the number of the frame that is read as the ``index``-th, from 0."""
        return self.frames[index][0]

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames.

        Raises:
            MediaError: A frame cannot be read, or its size differs from that of the first one.
        """
        size: Size | None = None
        dtype: PixelDType | None = None
        times = self.times
        for index, (_, file) in enumerate(self.frames):
            image = read_image(
                file,
                max_pixels=self._max_pixels,
                smooth_color=self._options.smooth_color,
                notify=self._notify,
            )
            size, dtype = size or image.size, dtype or image.pixels.dtype
            if image.size != size:
                raise UnsupportedMediaError(
                    f"{file}: is {image.size} px, and the frames before it are {size} px: a film "
                    "has one size; `realesr image` upscales files of any sizes"
                )
            if image.pixels.dtype != dtype and self._needs_rate:
                image = _converted(image, dtype)
            following = times[index + 1] if index + 1 < len(times) else None
            duration = 1 / self.rate if following is None else following - times[index]
            self.first_image = self.first_image or image
            yield Frame(index=index, image=image, pts=times[index], duration=duration)

    def _report(self, series: Series) -> None:
        if series.gaps:
            self._notify(
                Notice(
                    "frames-missing",
                    f"there are no frames of the numbers {series.gaps}: each time the frame "
                    "before is shown longer",
                )
            )
        if series.others:
            names = ", ".join(path.name for path in sorted(series.others)[:3])
            self._notify(
                Notice(
                    "frames-missing",
                    f"{len(series.others)} images have no number and are left out: {names}",
                )
            )


class UnfinishedSource:
    """Those frames of a source whose results are not there yet; at least the last one.

    Args:
        source: Any source.
        is_done: Whether the result of a frame is there, by its index.
        notify: Receives a sentence about what is there.
    """

    def __init__(
        self, source: FrameSource, is_done: Callable[[int], bool], *, notify: Notify = no_notice
    ) -> None:
        self._source = source
        self._is_done = is_done
        self._notify = notify

    @property
    def frame_count(self) -> int | None:
        """Number of frames of the source, with those that are there."""
        return self._source.frame_count

    @property
    def decode_errors(self) -> int:
        """Number of frames that could not be decoded."""
        return self._source.decode_errors

    def __enter__(self) -> Self:
        self._source.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._source.__exit__(kind, error, traceback)

    def abort(self) -> None:
        """Ends blocked calls of the source."""
        self._source.abort()

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames."""
        kept, last = 0, None
        is_given = False
        for frame in self._source:
            if self._is_done(frame.index):
                kept, last = kept + 1, frame
                continue
            is_given = True
            yield frame
        if not is_given and last is not None:
            yield last
        if kept:
            self._notify(_kept(kept))


def _kept(frames: int) -> Notice:
    return Notice(
        "work-kept",
        f"{frames} frames are there and are left alone (`restart` makes them anew)",
    )


def _converted(image: Image, dtype: PixelDType) -> Image:
    """Returns an image in the depth of the first frame."""
    alpha = None if image.alpha is None else convert_depth(image.alpha, dtype)
    return replace(image, pixels=convert_depth(image.pixels, np.dtype(dtype)), alpha=alpha)
