"""Writes some of the upscaled frames as JPEG beside a video that is being made."""

from __future__ import annotations

import io
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image as PillowImage

from realesr.errors import UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.depth import convert_depth
from realesr.media.frames import Frame, FrameSink
from realesr.partial import write_whole
from realesr.reasons import reason_of

_QUALITY = 90


def preview_folder(output: Path) -> Path:
    """Returns the folder of the previews of an output, beside it."""
    return output.with_name(f"{output.name}.preview")


class PreviewSink:
    """A sink that passes frames on and writes every N-th one as JPEG, too.

    Files are named by the number of the frame in the source, from 0.

    Args:
        sink: Receives the frames.
        folder: Folder of the previews; it is created.
        every: Distance of the frames that are written.
        position: Number of frames before the first one that comes.
    """

    def __init__(self, sink: FrameSink, folder: Path, *, every: int, position: int) -> None:
        self._sink = sink
        self._folder = folder
        self._every = every
        self._position = position

    def __enter__(self) -> Self:
        self._sink.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._sink.__exit__(kind, error, traceback)

    def abort(self) -> None:
        """Aborts the other sink."""
        self._sink.abort()

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns what the other sink returns."""
        return self._sink.nearest_supported_size(size)

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Lets the other sink prepare a frame."""
        return self._sink.prepare(frame, size)

    def write(self, frame: Frame) -> None:
        """Passes a frame on, and writes its preview.

        Raises:
            UnwritableMediaError: The preview cannot be written.
            MediaError: What the other sink raises.
        """
        self._sink.write(frame)
        number = self._position + frame.index
        if number % self._every == 0:
            self._write_preview(frame, number)

    def _write_preview(self, frame: Frame, number: int) -> None:
        path = self._folder / f"{number:06}.jpg"
        pixels = convert_depth(frame.image.pixels, np.dtype(np.uint8))
        encoded = io.BytesIO()
        PillowImage.fromarray(pixels).save(encoded, format="JPEG", quality=_QUALITY)
        try:
            write_whole(path, encoded.getvalue())
        except OSError as error:
            raise UnwritableMediaError(f"{path}: {reason_of(error)}") from error
