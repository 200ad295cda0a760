"""Where frames come from and where they go. A picture is a source of one frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from realesr.errors import UnwritableMediaError
from realesr.imaging.image import Image
from realesr.media.images import encode_image, read_image


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A picture in its place in time.

    Attributes:
        index: Number of the frame, from 0.
        image: Its pixels.
        pts: Presentation time, s.
    """

    index: int
    image: Image
    pts: Fraction = Fraction(0)


class ImageSource(AbstractContextManager["ImageSource", None]):
    """The one frame of a picture file.

    Args:
        path: The file; it is read when the iteration begins.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __exit__(self, *_: object) -> None:
        """Nothing stays open."""

    def __iter__(self) -> Iterator[Frame]:
        """Yields the picture.

        Raises:
            MediaError: As :func:`realesr.media.images.read_image` does.
        """
        yield Frame(index=0, image=read_image(self._path))


class ImageSink(AbstractContextManager["ImageSink", None]):
    """A picture file that takes its name only when it is whole.

    Args:
        path: The destination; its folder is made if it is missing.

    Raises:
        UnwritableMediaError: On entering, writing or leaving, where the folder or file cannot be
            written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableMediaError(f"{self._path.parent}: {error.strerror}") from error
        return self

    def write(self, frame: Frame) -> None:
        """Writes the picture to the partial file."""
        data = encode_image(frame.image, self._path)
        try:
            self._partial.write_bytes(data)
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {error.strerror}") from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        try:
            if kind is None:
                self._partial.replace(self._path)
        except OSError as failure:
            raise UnwritableMediaError(f"{self._path}: {failure.strerror}") from failure
        finally:
            self._partial.unlink(missing_ok=True)
