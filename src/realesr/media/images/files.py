"""Image files: sources of one frame, and sinks of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from realesr.errors import UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.alpha import composite
from realesr.media.formats import IMAGES, STANDARD_STREAM, Format, ImageFormat
from realesr.media.frames import Frame, FrameSource
from realesr.media.images.decode import read_image
from realesr.media.images.encode import encode_image
from realesr.options import DEFAULT_ENCODING, DEFAULT_MAX_PIXELS, EncodingOptions
from realesr.progress import Notice, Notify, ignore


class ImageSource(AbstractContextManager["ImageSource", None]):
    """The one frame of an image file.

    Args:
        path: The file; it is read when the iteration begins.
        max_pixels: A larger image is refused, px.
        notify: Receives a sentence for everything that the frame does not carry.
    """

    def __init__(
        self, path: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS, notify: Notify = ignore
    ) -> None:
        self._path = path
        self._max_pixels = max_pixels
        self._notify = notify

    @property
    def expected(self) -> int:
        """One frame."""
        return 1

    @property
    def decode_errors(self) -> int:
        """None: a damaged image is an error."""
        return 0

    def __exit__(self, *_: object) -> None:
        """Nothing stays open."""

    def abort(self) -> None:
        """Reading a file does not wait."""

    def __iter__(self) -> Iterator[Frame]:
        """Yields the image.

        Raises:
            MediaError: As :func:`realesr.media.images.decode.read_image` does.
        """
        image = read_image(self._path, max_pixels=self._max_pixels, notify=self._notify)
        yield Frame(index=0, image=image)


class ImageSink(AbstractContextManager["ImageSink", None]):
    """An image file that takes its name only when it is whole.

    Args:
        path: The destination; its folder is made if it is missing. ``-`` is standard output, which
            gets nothing before the image is whole.
        target: The format; None for the one that the name stands for.
        options: How it is written.
        notify: Receives a sentence for everything that the file does not hold.
    """

    def __init__(
        self,
        path: Path,
        *,
        target: ImageFormat | None = None,
        options: EncodingOptions = DEFAULT_ENCODING,
        notify: Notify = ignore,
    ) -> None:
        self._path = path
        self._target = target or IMAGES.format_of(path)
        self._options = options
        self._notify = notify
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._file: BinaryIO | None = None

    def nearest_supported_size(self, size: Size) -> Size:
        """Every size can be written, up to the limits that :meth:`prepare` checks."""
        return size

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Makes sure, before any work is spent, that the result can be written.

        Args:
            frame: What is going to be upscaled.
            size: What it is going to be upscaled to.

        Returns:
            The frame as the format can hold it: laid on white where it knows no alpha.

        Raises:
            UnwritableMediaError: The format cannot hold such a size, or the folder or the file
                cannot be written.
        """
        target, image = self._target, frame.image
        if image.alpha is not None and not target.has_alpha:
            if image.alpha.min() < image.peak:
                self._notify(
                    Notice("alpha-flattened", f"{target.name} holds no transparency: laid on white")
                )
            image = composite(image)
        channels = 1 if image.is_gray and target.has_gray else 3
        target.check_fits(
            self._path,
            size,
            channels=channels + (image.alpha is not None),
            byte_depth=image.pixels.dtype.itemsize if target.supports_16_bit else 1,
        )
        frame = replace(frame, image=image)
        if self._path == STANDARD_STREAM:
            return frame
        if self._path.is_dir():
            raise UnwritableMediaError(f"{self._path}: is a folder: choose another `output`")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._partial.open("wb")
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {error.strerror}") from error
        return frame

    def write(self, frame: Frame) -> None:
        """Writes the image to the partial file that :meth:`prepare` has opened.

        Raises:
            UnwritableMediaError: The disk is full, or the image cannot be encoded.
        """
        file = sys.stdout.buffer if self._path == STANDARD_STREAM else self._file
        if file is None:
            raise ValueError("prepare() comes before write()")
        parts = encode_image(frame.image, self._path, self._options, self._notify, self._target)
        try:
            file.writelines(parts)
            file.flush()
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {error.strerror}") from error

    def abort(self) -> None:
        """Writing a file does not wait."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
            if kind is None:
                self._partial.replace(self._path)
        except OSError as failure:
            raise UnwritableMediaError(f"{self._path}: {failure.strerror}") from failure
        finally:
            self._partial.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """How images are read and written.

    Attributes:
        encoding: How outputs are written.
        max_pixels: Larger inputs are refused, px.
    """

    encoding: EncodingOptions = DEFAULT_ENCODING
    max_pixels: int = DEFAULT_MAX_PIXELS

    def source(self, path: Path, notify: Notify) -> ImageSource:
        """The image of a file."""
        return ImageSource(path, max_pixels=self.max_pixels, notify=notify)

    def sink(self, path: Path, target: Format, source: FrameSource, notify: Notify) -> ImageSink:
        """An image file, whatever the source."""
        if not isinstance(target, ImageFormat):
            raise TypeError(f"{target.name} is no image format")
        return ImageSink(path, target=target, options=self.encoding, notify=notify)
