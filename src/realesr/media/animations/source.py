"""Animations as sources of whole frames."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from realesr.errors import RealesrError, UnreadableMediaError, UnsupportedMediaError
from realesr.imaging.image import Image, Metadata
from realesr.media.animations import avif_frames, pillow, png_frames
from realesr.media.animations.content import read_timeline
from realesr.media.animations.timeline import Timeline
from realesr.media.frames import Frame
from realesr.media.images.limits import check_size
from realesr.media.images.metadata import suppress_pillow_warnings
from realesr.options import DEFAULT_MAX_PIXELS, DEFAULT_VIDEO, VideoOptions
from realesr.progress import Notice, Notify, no_notice
from realesr.reasons import reason_of


class AnimationSource:
    """The frames of an animated GIF, WebP, PNG or AVIF, upright and laid over each other.

    Frames are decoded one after the other; only the current one is in memory.

    Args:
        path: The file.
        options: Which part is read.
        max_pixels: Largest frame that is read, px.
        notify: Receives a sentence for everything that is not read as it is stored.
    """

    def __init__(
        self,
        path: Path,
        *,
        options: VideoOptions = DEFAULT_VIDEO,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        notify: Notify = no_notice,
    ) -> None:
        self.decode_errors = 0
        """Number of frames that could not be decoded; final when all frames have come."""
        self.has_alpha = False
        """Whether any frame is transparent somewhere; available within the context."""
        self.metadata = Metadata()
        """What the file holds besides pixels; available within the context."""
        self.first_image: Image | None = None
        """The first frame, once it has been given."""
        self.path = path
        self._options = options
        self._max_pixels = max_pixels
        self._notify = notify
        self._timeline: Timeline | None = None
        self._orientation = 1

    @property
    def timeline(self) -> Timeline:
        """When frames are shown, in the whole file; available within the context."""
        if self._timeline is None:
            raise ValueError("the context has not been entered")
        return self._timeline

    @property
    def frame_count(self) -> int | None:
        """Number of frames that will come; None before the context is entered."""
        return None if self._timeline is None else len(self.part)

    @property
    def part(self) -> range:
        """The numbers of the frames that are read."""
        options, times = self._options, self.timeline.times
        numbers = [
            number
            for number, time in enumerate(times)
            if time >= options.start and (options.end is None or time < options.end)
        ]
        return range(numbers[0], numbers[-1] + 1)[: options.frames] if numbers else range(0)

    @property
    def times(self) -> tuple[Fraction, ...]:
        """When each frame that is read is shown, s."""
        part = self.part
        return self.timeline.times[part.start : part.stop]

    @property
    def last_duration(self) -> Fraction:
        """How long the last frame that is read is shown, s."""
        return self.timeline.durations[self.part[-1]]

    def __enter__(self) -> Self:
        """Reads the times of all frames, and looks whether any is transparent.

        Raises:
            UnreadableMediaError: The file cannot be read, or has no frame in this part.
            UnsupportedMediaError: It is no animation, or its frames are too large.
        """
        path = self.path
        try:
            self._timeline = read_timeline(path)
        except OSError as error:
            raise UnreadableMediaError(f"{path}: {reason_of(error)}") from error
        if self._timeline is None or not self._timeline.durations:
            raise UnsupportedMediaError(f"{path}: holds no animation")
        if not self.part:
            raise UnreadableMediaError(f"{path}: there is no frame in this part")
        try:
            with suppress_pillow_warnings:
                self._check_size()
                self.metadata, self._orientation = pillow.read_header(
                    path, self._timeline.kind, self._notify
                )
        except RealesrError:
            raise
        except Exception as error:
            raise self._damaged(error) from error
        self.has_alpha = self._finds_alpha()
        if self._timeline.unstated:
            self._notify(
                Notice(
                    "times-rounded",
                    f"{self._timeline.unstated} frames state no time that players keep: they are "
                    "shown for 1/10 s, as browsers do",
                )
            )
        return self

    def __exit__(self, *error: object) -> None:
        """Does nothing: the iteration closes the file."""

    def abort(self) -> None:
        """Does nothing: reading a file does not block."""

    def __iter__(self) -> Iterator[Frame]:
        """Yields frames.

        Raises:
            UnreadableMediaError: No frame can be decoded, or one cannot and the options are
                strict.
        """
        timeline, part = self.timeline, self.part
        times = timeline.times
        count = 0
        frames = self._images()
        with closing(frames):
            try:
                for number, image in enumerate(frames):
                    if number in part:
                        yield self._frame(image, count, times[number], timeline.durations[number])
                        count += 1
                    if number + 1 >= part.stop:
                        return
                self._report_damage(count, "the file is cut short")
            except UnreadableMediaError as error:
                self._report_damage(count, str(error))

    def _images(self) -> Generator[Image, None, None]:
        kind = self.timeline.kind
        try:
            with suppress_pillow_warnings:
                if kind == "PNG":
                    yield from png_frames.read_frames(self.path)
                elif kind == "AVIF" and avif_frames.is_deep(self.path):
                    yield from avif_frames.read_frames(self.path, len(self.timeline.durations))
                else:
                    yield from pillow.read_frames(self.path, kind)
        except RealesrError:
            raise
        except Exception as error:  # decoders raise many kinds
            raise self._damaged(error) from error

    def _frame(self, image: Image, index: int, pts: Fraction, duration: Fraction) -> Frame:
        alpha = image.alpha if self.has_alpha else None
        upright = replace(
            image,
            pixels=_turn(image.pixels, self._orientation),
            alpha=None if alpha is None else _turn(alpha, self._orientation),
            metadata=self.metadata,
        )
        self.first_image = self.first_image or upright
        return Frame(index=index, image=upright, pts=pts, duration=duration)

    def _finds_alpha(self) -> bool:
        """Decodes frames until one is transparent somewhere."""
        frames = self._images()
        with closing(frames):
            try:
                for number, image in enumerate(frames):
                    alpha = image.alpha if number in self.part else None
                    if alpha is not None and alpha.min() < image.peak:
                        return True
                    if number + 1 >= self.part.stop:
                        break
            except UnreadableMediaError:  # is reported when the frame is needed
                return False
        return False

    def _check_size(self) -> None:
        width, height = pillow.canvas_size(self.path, self.timeline.kind)
        check_size(
            self.path,
            width,
            height,
            file_bytes=self.path.stat().st_size,
            pixel_bytes=4,
            max_pixels=self._max_pixels,
        )

    def _report_damage(self, count: int, reason: str) -> None:
        missing = self.decode_errors = len(self.part) - count
        if not count:
            raise UnreadableMediaError(f"{self.path}: no frame can be decoded: {reason}")
        trouble = f"{missing} of {len(self.part)} frames cannot be decoded: the source is damaged"
        if self._options.is_strict:
            raise UnreadableMediaError(f"{self.path}: {trouble} (`is_strict`)")
        self._notify(Notice("frames-damaged", f"{trouble}; the animation ends before them"))

    def _damaged(self, error: Exception) -> UnreadableMediaError:
        reason = " ".join(str(error).split()) or type(error).__name__
        return UnreadableMediaError(f"{self.path}: damaged or cut short: {reason}")


def _turn(array: NDArray[np.unsignedinteger], orientation: int) -> NDArray[np.unsignedinteger]:
    """Turns pixels upright, from an EXIF orientation (1 to 8, CIPA DC-008 4.6.5)."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
