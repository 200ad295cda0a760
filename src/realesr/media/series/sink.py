"""Writes frames as numbered files, each of which is whole once it has its name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from realesr.geometry import Size
from realesr.media.formats import ImageFormat
from realesr.media.frames import Frame
from realesr.media.images.files import ImageSink
from realesr.media.series.names import Pattern
from realesr.options import DEFAULT_ENCODING, EncodingOptions
from realesr.progress import Notice, Notify, no_notice


class SeriesSink(AbstractContextManager["SeriesSink", None]):
    """A sink that makes a file of each frame.

    What was written before an interruption stays, and need not be made again.

    Args:
        pattern: Names of the files. A missing folder is created.
        target: Their format.
        number_of: Returns the number of a frame by its index.
        encoding: Options of the format.
        notify: Receives a sentence for everything that the files do not hold, once.
    """

    def __init__(
        self,
        pattern: Pattern,
        *,
        target: ImageFormat,
        number_of: Callable[[int], int],
        encoding: EncodingOptions = DEFAULT_ENCODING,
        notify: Notify = no_notice,
    ) -> None:
        self._pattern = pattern
        self._target = target
        self._number_of = number_of
        self._encoding = encoding
        self._told: set[Notice] = set()
        self._notify = notify

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns ``size``: the limits of the format are checked by :meth:`prepare`."""
        return size

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Checks, before a frame is upscaled, that the format can hold the result.

        Raises:
            UnwritableMediaError: It cannot.
        """
        image = frame.image
        self._target.check_fits(
            self._path(frame), size, channels=4, byte_depth=image.pixels.dtype.itemsize
        )
        return frame

    def write(self, frame: Frame) -> None:
        """Writes a file.

        Raises:
            UnwritableMediaError: It cannot be written.
        """
        with ImageSink(
            self._path(frame),
            target=self._target,
            options=self._encoding,
            notify=self._notify_once,
        ) as sink:
            sink.write(sink.prepare(frame, frame.image.size))

    def abort(self) -> None:
        """Does nothing: writing a file does not block."""

    def __exit__(self, *error: object) -> None:
        """Does nothing: every file is whole."""

    def _path(self, frame: Frame) -> Path:
        return self._pattern.path(self._number_of(frame.index))

    def _notify_once(self, notice: Notice) -> None:
        if notice not in self._told:
            self._told.add(notice)
            self._notify(notice)
