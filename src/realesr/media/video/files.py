"""Opens sources and sinks of videos for a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from realesr.media.formats import Format, VideoFormat
from realesr.media.frames import Destination, FrameSource, Segment
from realesr.media.video.encoder import VideoEncoder
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.film import Film
from realesr.media.video.pieces import piece_spec
from realesr.media.video.sink import VideoSink
from realesr.media.video.source import VideoSource
from realesr.options import VideoOptions
from realesr.progress import Notify


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """The way in which a run reads and writes videos.

    Attributes:
        options: Which part is read, and how it is written.
        binary: The ffmpeg.
    """

    options: VideoOptions
    binary: str

    @classmethod
    def from_options(cls, options: VideoOptions) -> Self:
        """Finds the ffmpeg that the options ask for.

        Raises:
            FFmpegNotFoundError: There is no suitable one.
        """
        return cls(options, find_ffmpeg(options.ffmpeg))

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None = None,
        destination: Destination | None = None,
    ) -> VideoSource:
        """Returns the frames of a file or of a segment of it."""
        return VideoSource(
            path, options=self.options, segment=segment, binary=self.binary, notify=notify
        )

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None = None,
    ) -> VideoEncoder:
        """Returns a sink for the frames of a source: a whole video, or a piece of it.

        A whole video receives the other streams of the source.
        """
        if not isinstance(target, VideoFormat) or not isinstance(source, VideoSource):
            raise TypeError(f"{path}: a video is made of a video")
        if segment is not None:
            spec = piece_spec(source.info, target, self.options, binary=self.binary, notify=notify)
            clock = spec.piece_clock(segment.position)
            return VideoEncoder(path, spec=spec, clock=clock, binary=self.binary, is_durable=True)
        return VideoSink(
            path,
            target=target,
            info=source.info,
            options=self.options,
            binary=self.binary,
            notify=notify,
        )

    def film(self, path: Path, target: Format) -> Film:
        """Opens a video that may be made in pieces.

        Raises:
            MediaError: The file cannot be read.
        """
        if not isinstance(target, VideoFormat):
            raise TypeError(f"{path}: a video is made of a video")
        return Film(path, target=target, options=self.options, binary=self.binary)
