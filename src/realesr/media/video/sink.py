"""Writes whole videos in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from realesr.media.formats import VideoFormat
from realesr.media.video.encoder import EncodeSpec, VideoEncoder
from realesr.media.video.info import VideoInfo
from realesr.media.video.muxing import MuxSpec
from realesr.options import DEFAULT_VIDEO, VideoOptions
from realesr.partial import temporary_folder
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
        folder = self._covers.enter_context(temporary_folder())
        spec = MuxSpec.create(self._spec, folder, binary=self._binary, notify=self._notify)
        self._mux = spec
        return spec.encode_arguments(destination)

    def _complete(self, path: Path, packets: Mapping[int, int]) -> None:
        if self._mux is not None:
            self._mux.complete(path, packets, notify=self._notify)
