"""Writes whole videos in one pass, and opens sources and sinks for a run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from realesr.media.formats import Format, VideoFormat
from realesr.media.frames import FrameSource
from realesr.media.video.encoder import EncodeSpec, VideoEncoder
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.info import VideoInfo
from realesr.media.video.muxing import MuxSpec
from realesr.media.video.source import VideoSource
from realesr.options import DEFAULT_VIDEO, VideoOptions
from realesr.progress import Notify, no_notice


class VideoSink(VideoEncoder):
    """A sink of frames that writes a whole video with all streams of its source in one pass.

    One ffmpeg encodes the frames and copies the other streams, so that neither a second pass nor
    more disk is needed. The file gets its name when it is whole.

    Args:
        path: The destination. A missing folder is created.
        target: Its container.
        info: The source of all other streams, tags and chapters.
        options: How the video is written.
        binary: The ffmpeg.
        notify: Receives a sentence for everything that the file does not hold.
    """

    def __init__(
        self,
        path: Path,
        *,
        target: VideoFormat,
        info: VideoInfo,
        options: VideoOptions = DEFAULT_VIDEO,
        binary: str,
        notify: Notify = no_notice,
    ) -> None:
        self._binary = binary
        self._notify = notify
        self._covers = ExitStack()
        self._mux: MuxSpec | None = None
        spec = EncodeSpec.choose(info, target, options, binary=binary, notify=notify)
        super().__init__(
            path, spec=spec, binary=binary, command=self._one_pass, complete=self._complete
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        with self._covers:
            super().__exit__(kind, error, traceback)

    def _one_pass(self, destination: Path) -> list[str]:
        folder = Path(self._covers.enter_context(TemporaryDirectory(prefix="realesr-")))
        spec = MuxSpec.create(self._spec, folder, binary=self._binary, notify=self._notify)
        self._mux = spec
        return spec.encode_arguments(destination)

    def _complete(self, path: Path, packets: Mapping[int, int]) -> None:
        if self._mux is not None:
            self._mux.complete(path, packets, notify=self._notify)


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

    def source(self, path: Path, notify: Notify) -> VideoSource:
        """Returns the frames of a file."""
        return VideoSource(path, options=self.options, binary=self.binary, notify=notify)

    def sink(self, path: Path, target: Format, source: FrameSource, notify: Notify) -> VideoSink:
        """Returns a sink for the frames of a source, whose other streams it copies."""
        if not isinstance(target, VideoFormat) or not isinstance(source, VideoSource):
            raise TypeError(f"{path}: a video is made of a video")
        return VideoSink(
            path,
            target=target,
            info=source.info,
            options=self.options,
            binary=self.binary,
            notify=notify,
        )
