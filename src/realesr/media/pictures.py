"""Chooses how ``realesr image`` reads and writes a file: as an image, or as an animation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from realesr.media.animations.content import is_animated
from realesr.media.formats import STANDARD_STREAM, Format, ImageFormat
from realesr.media.frames import Destination, FrameSink, FrameSource, Segment
from realesr.media.images.files import ImageFiles, ImageSource
from realesr.options import DEFAULT_ENCODING, DEFAULT_MAX_PIXELS, EncodingOptions
from realesr.progress import Notify


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFiles:
    """Opens image files, and animations whose output can be one, as sources and sinks.

    Attributes:
        encoding: Quality of the outputs.
        max_pixels: Largest input that is read, px.
        is_strict: Whether damaged pixels are an error.
        smooth_color: Whether the color of a JPEG is smoothed, as networks want it.
        first_frame: Whether only the first image of an animation is taken.
    """

    encoding: EncodingOptions = DEFAULT_ENCODING
    max_pixels: int = DEFAULT_MAX_PIXELS
    is_strict: bool = False
    smooth_color: bool = False
    first_frame: bool = False

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None = None,
        destination: Destination | None = None,
    ) -> FrameSource:
        """Returns a source of the image of a file, or of the frames of an animation."""
        if not self.first_frame and destination is not None and path != STANDARD_STREAM:
            target = destination.target
            if isinstance(target, ImageFormat) and target.holds_animations and is_animated(path):
                from realesr.media.animations.source import AnimationSource

                return AnimationSource(path, max_pixels=self.max_pixels, notify=notify)
        return self._images.source(path, notify, segment)

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None = None,
    ) -> FrameSink:
        """Returns a sink for an image, or for an animation.

        GIF has one writer for both.

        Raises:
            TypeError: The target is not an image format.
            FFmpegNotFoundError: There is no ffmpeg, which writes animations.
        """
        is_image = isinstance(source, ImageSource)
        if isinstance(target, ImageFormat) and (target.name == "GIF" or not is_image):
            from realesr.media.moving import animation_sink

            return animation_sink(path, target, source, encoding=self.encoding, notify=notify)
        return self._images.sink(path, target, source, notify, segment)

    @property
    def _images(self) -> ImageFiles:
        return ImageFiles(
            encoding=self.encoding,
            max_pixels=self.max_pixels,
            is_strict=self.is_strict,
            smooth_color=self.smooth_color,
        )
