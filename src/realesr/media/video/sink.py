"""Writing videos: PyAV hands raw frames with their exact times to ffmpeg, which encodes them and
copies everything else of the source.
"""

from __future__ import annotations

import contextlib
import os
import re
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from realesr.errors import FFmpegError, UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.alpha import composite
from realesr.media.formats import Format, VideoFormat
from realesr.media.frames import Frame, FrameSource
from realesr.media.video.encoders import choose_encoding
from realesr.media.video.ffmpeg import PIPE_BYTES, Process, find_ffmpeg, raw_format
from realesr.media.video.muxing import MuxSpec, extract_covers
from realesr.media.video.probe import VideoInfo
from realesr.media.video.source import VideoSource
from realesr.media.video.streams import map_streams
from realesr.options import DEFAULT_VIDEO, VideoOptions
from realesr.progress import Notify, no_notice

_WRITTEN = re.compile(r"Output stream #0:0 \(video\): .*?(\d+) packets muxed")


class VideoSink:
    """A video file that takes its name only when it is whole.

    Args:
        path: The destination; its folder is made if it is missing.
        target: Its container.
        info: The source, whose other streams, tags and chapters are carried.
        options: How it is written.
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
        self._path = path
        self._target = target
        self._info = info
        self._options = options
        self._binary = binary
        self._notify = notify
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._encoding = choose_encoding(info, target, options, binary=binary, notify=notify)
        self._stack = ExitStack()
        self._process: Process | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._written = 0
        self._first: int | None = None
        self._last = -(2**62)
        # The source's own holds every time of the source exactly.
        self._time_base = info.time_base if options.fps is None else 1 / options.fps

    def __enter__(self) -> Self:
        return self

    def nearest_supported_size(self, size: Size) -> Size:
        """The size, px, with whole values of color."""
        return self._encoding.nearest_supported_size(size)

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Starts the encoder, at the first frame.

        Returns:
            The frame as the encoder can hold it: laid on white where it knows no alpha.

        Raises:
            UnwritableMediaError: The folder or the file cannot be written.
        """
        if self._process is None:
            self._start(frame, size)
        if frame.image.alpha is not None and not self._encoding.pixel_format.has_alpha:
            return replace(frame, image=composite(frame.image))
        return frame

    def write(self, frame: Frame) -> None:
        """Gives a frame to the encoder.

        Raises:
            FFmpegError: It died.
        """
        if self._process is None or self._container is None or self._stream is None:
            raise ValueError("prepare() comes before write()")
        image = frame.image
        pixels = image.pixels
        if self._encoding.pixel_format.has_alpha:
            alpha = image.alpha
            if alpha is None:
                alpha = np.full(pixels.shape[:2], image.peak, pixels.dtype)
            pixels = np.dstack((pixels, alpha))
        packet = av.Packet(np.ascontiguousarray(pixels).tobytes())
        packet.stream = self._stream
        packet.time_base = self._time_base
        packet.pts = packet.dts = self._last = self._ticks(frame.pts)
        packet.is_keyframe = True
        try:
            self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._process.fail(error) from error
        self._written += 1

    def abort(self) -> None:
        """Ends the encoder, whatever waits for it."""
        process = self._process
        if process is not None:
            process.kill()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        try:
            with self._stack:
                if kind is None and self._process is not None:
                    self._finish(self._process)
            if kind is None and self._process is not None:
                self._partial.replace(self._path)
        except OSError as failure:
            raise UnwritableMediaError(f"{self._path}: {failure.strerror}") from failure
        finally:
            self._partial.unlink(missing_ok=True)

    def _start(self, frame: Frame, size: Size) -> None:
        if self._path.is_dir():
            raise UnwritableMediaError(f"{self._path}: is a folder: choose another `output`")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._partial.touch()
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {error.strerror}") from error
        arguments = self._muxing().arguments(frame.pts, self._partial)
        self._stack.callback(self._close_container)
        self._process = self._stack.enter_context(
            Process(self._binary, arguments, subject=str(self._path), has_input=True)
        )
        self._container = av.open(self._process.stdin, "w", format="nut", buffer_size=PIPE_BYTES)
        stream = self._container.add_stream("rawvideo", rate=self._info.frame_rate or 25)
        self._stream = stream
        self._stream.width, self._stream.height = size.width, size.height
        self._stream.pix_fmt = raw_format(
            frame.image.pixels.dtype, has_alpha=self._encoding.pixel_format.has_alpha
        )
        self._stream.time_base = self._time_base

    def _close_container(self) -> None:
        if self._container is not None:
            # Closing writes an index; a dead encoder has been told of already.
            with contextlib.suppress(av.FFmpegError, OSError):
                self._container.close()

    def _finish(self, process: Process) -> None:
        if self._container is not None:
            try:
                self._container.close()
            except (av.FFmpegError, OSError) as error:
                raise process.fail(error) from error
            self._container = None
        process.finish()
        found = _WRITTEN.search(process.log)
        if found and int(found[1]) != self._written:
            raise FFmpegError(
                f"{self._path}: the encoder wrote {found[1]} of {self._written} frames: "
                f"{process.error_summary}"
            )

    def _muxing(self) -> MuxSpec:
        info, target = self._info, self._target
        carried = map_streams(info, target, binary=self._binary, notify=self._notify)
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="realesr-")))
        muxing = MuxSpec(
            info=info,
            target=target,
            options=self._options,
            encoding=self._encoding,
            carried=carried,
            covers=extract_covers(info, target, carried, folder),
        )
        muxing.report_dropped_tags(self._notify)
        return muxing

    def _ticks(self, pts: Fraction) -> int:
        """When the next frame is shown, in ticks of the NUT stream, and later than the last one."""
        if self._options.fps is None:
            return max(round(pts / self._time_base), self._last + 1)
        if self._first is None:
            origin = self._options.start + self._info.start if self._options.start else 0
            self._first = round((pts - origin) / self._time_base)
        return self._first + self._written


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """How videos are read and written.

    Attributes:
        options: Which part is read, and how it is written.
        binary: The ffmpeg.
    """

    options: VideoOptions
    binary: str

    @classmethod
    def from_options(cls, options: VideoOptions) -> Self:
        """With the ffmpeg that is asked for, or found.

        Raises:
            FFmpegNotFoundError: There is none that will do.
        """
        return cls(options, find_ffmpeg(options.ffmpeg))

    def source(self, path: Path, notify: Notify) -> VideoSource:
        """The frames of a file."""
        return VideoSource(path, options=self.options, binary=self.binary, notify=notify)

    def sink(self, path: Path, target: Format, source: FrameSource, notify: Notify) -> VideoSink:
        """A file that carries everything else of the source, too."""
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
