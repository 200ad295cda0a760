"""Image files as sources and sinks of one frame."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import IO

from realesr.errors import UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.alpha import composite
from realesr.media.formats import IMAGES, STANDARD_STREAM, Format, ImageFormat
from realesr.media.frames import Destination, Frame, FrameSource, Segment
from realesr.media.images.decode import decode_image
from realesr.media.images.encode import encode_image
from realesr.media.images.limits import check_result
from realesr.media.images.reading import read_bytes
from realesr.options import DEFAULT_ENCODING, DEFAULT_MAX_PIXELS, EncodingOptions
from realesr.partial import Partial
from realesr.progress import Notice, Notify, no_notice
from realesr.reasons import reason_of


class ImageSource(AbstractContextManager["ImageSource", None]):
    """Source of the one frame of an image file.

    Args:
        path: The file, which is read when the iteration begins.
        max_pixels: Largest image that is read, px.
        is_strict: Whether damaged pixels are an error.
        smooth_color: Whether the color of a JPEG is smoothed.
        notify: Receives a sentence for everything that the frame does not carry.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        is_strict: bool = False,
        smooth_color: bool = False,
        notify: Notify = no_notice,
    ) -> None:
        self._path = path
        self._max_pixels = max_pixels
        self._is_strict = is_strict
        self._smooth_color = smooth_color
        self._notify = notify
        self._abandoned = Event()

    @property
    def frame_count(self) -> int:
        """Number of frames: 1."""
        return 1

    @property
    def decode_errors(self) -> int:
        """Number of frames with decoding errors: 0; of a damaged image there is a notice."""
        return 0

    def __exit__(self, *_: object) -> None:
        """Does nothing: no file stays open."""

    def abort(self) -> None:
        """Ends the wait for standard input or a FIFO, from any thread."""
        self._abandoned.set()

    def __iter__(self) -> Iterator[Frame]:
        """Yields the image.

        Raises:
            MediaError: As :func:`realesr.media.images.decode.read_image` does.
        """
        data = read_bytes(self._path, self._abandoned)
        image = decode_image(
            data,
            self._path,
            max_pixels=self._max_pixels,
            is_strict=self._is_strict,
            smooth_color=self._smooth_color,
            notify=self._notify,
        )
        yield Frame(index=0, image=image)


class ImageSink(AbstractContextManager["ImageSink", None]):
    """Sink of one frame: an image file that gets its name only when it is complete.

    Args:
        path: Destination; a missing folder is created. ``-`` is standard output, which receives
            nothing before the frame is upscaled.
        target: Output format; None for the format that the suffix stands for.
        options: Quality, or lossless.
        notify: Receives a sentence for everything that the file does not hold.
    """

    def __init__(
        self,
        path: Path,
        *,
        target: ImageFormat | None = None,
        options: EncodingOptions = DEFAULT_ENCODING,
        notify: Notify = no_notice,
    ) -> None:
        self._path = path
        self._target = target or IMAGES.format_of(path)
        self._options = options
        self._notify = notify
        self._partial: Partial | None = None

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns ``size``: the limits of the format are checked by :meth:`prepare`."""
        return size

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Checks, before the frame is upscaled, that the result can be written; opens the file.

        Args:
            frame: Frame that will be upscaled.
            size: Size of the result, px.

        Returns:
            The frame, composited on white if the format does not hold alpha.

        Raises:
            UnwritableMediaError: The format cannot hold the size, or the folder or the file cannot
                be written.
        """
        target, image = self._target, frame.image
        if image.alpha is not None and not target.supports_alpha:
            if image.alpha.min() < image.peak:
                self._notify(
                    Notice("alpha-flattened", f"{target.name} holds no transparency: laid on white")
                )
            image = composite(image)
        channels = 1 if image.is_gray and target.supports_gray else 3
        target.check_fits(
            self._path,
            size,
            channels=channels + (image.alpha is not None),
            byte_depth=image.pixels.dtype.itemsize if target.supports_16_bit else 1,
        )
        held = 3 + (image.alpha is not None)
        check_result(size, pixel_bytes=held * image.pixels.dtype.itemsize, path=self._path)
        frame = replace(frame, image=image)
        if self._path == STANDARD_STREAM:
            return frame
        try:
            self._partial = Partial(self._path)
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {reason_of(error)}") from error
        return frame

    def write(self, frame: Frame) -> None:
        """Writes the image to the partial file that :meth:`prepare` has opened.

        Raises:
            UnwritableMediaError: The disk is full, or the image cannot be encoded.
            ValueError: :meth:`prepare` was not called.
        """
        if self._partial is None and self._path != STANDARD_STREAM:
            raise ValueError("prepare() comes before write()")
        parts = encode_image(frame.image, self._path, self._options, self._notify, self._target)
        try:
            with self._opened() as file:
                file.writelines(parts)
                file.flush()
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {reason_of(error)}") from error

    def _opened(self) -> AbstractContextManager[IO[bytes]]:
        if self._partial is not None:
            return self._partial.open()
        if sys.stdout is None:
            raise OSError(errno.EBADF, "standard output is closed")
        return nullcontext(sys.stdout.buffer)

    def abort(self) -> None:
        """Does nothing: writing a file does not block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._partial is None:
            return
        try:
            if kind is None:
                self._partial.commit()
        except OSError as failure:
            raise UnwritableMediaError(f"{self._path}: {reason_of(failure)}") from failure
        finally:
            self._partial.discard()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """Opens image files as sources and sinks.

    Attributes:
        encoding: Quality of the outputs.
        max_pixels: Largest input that is read, px.
        is_strict: Whether an input with damaged pixels is an error.
        smooth_color: Whether the color of a JPEG is smoothed.
    """

    encoding: EncodingOptions = DEFAULT_ENCODING
    max_pixels: int = DEFAULT_MAX_PIXELS
    is_strict: bool = False
    smooth_color: bool = False

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None = None,
        destination: Destination | None = None,
    ) -> ImageSource:
        """Returns a source of the image of a file. Images have no segments."""
        return ImageSource(
            path,
            max_pixels=self.max_pixels,
            is_strict=self.is_strict,
            smooth_color=self.smooth_color,
            notify=notify,
        )

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None = None,
    ) -> ImageSink:
        """Returns a sink for an image file.

        Args:
            path: Destination.
            target: Image format.
            source: Ignored: an image needs nothing from its source.
            notify: Receives a sentence for everything that the file does not hold.
            segment: Ignored: images have no segments.

        Raises:
            TypeError: The target is not an image format.
        """
        if not isinstance(target, ImageFormat):
            raise TypeError(f"{target.name} is no image format")
        return ImageSink(path, target=target, options=self.encoding, notify=notify)
