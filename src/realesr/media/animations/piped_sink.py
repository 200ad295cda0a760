"""Writes animated GIF, WebP and AVIF files through ffmpeg, which reads raw frames from a pipe."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from realesr.errors import FFmpegError
from realesr.imaging.image import Image
from realesr.media.animations.content import read_timeline
from realesr.media.animations.sink import AnimationSink, Playback
from realesr.media.formats import ImageFormat
from realesr.media.video.ffmpeg import raw_format, url
from realesr.media.video.process import PIPE_BYTES, Process
from realesr.options import DEFAULT_ENCODING, EncodingOptions
from realesr.progress import Notify, no_notice

KEEP_TIMES = ("-fps_mode", "passthrough", "-enc_time_base", "demux")


class PipedSink(AnimationSink):
    """A sink whose frames one ffmpeg encodes. What comes behind it differs from format to format.

    Args:
        path: As for :class:`~realesr.media.animations.sink.AnimationSink`, and so are others.
        target: See there.
        playback: See there.
        binary: The ffmpeg.
        encoding: See there.
        notify: See there.
    """

    def __init__(
        self,
        path: Path,
        *,
        target: ImageFormat,
        playback: Playback,
        binary: str,
        encoding: EncodingOptions = DEFAULT_ENCODING,
        notify: Notify = no_notice,
    ) -> None:
        super().__init__(path, target=target, playback=playback, encoding=encoding, notify=notify)
        self._binary = binary
        self._process: Process | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._has_alpha = False
        self._is_deep = False

    @abstractmethod
    def _arguments(self) -> list[str]:
        """Returns what follows the input in the arguments of the ffmpeg that reads frames."""

    @property
    def _time_base(self) -> Fraction:
        return self.tick or self._playback.time_base

    def abort(self) -> None:
        """Kills ffmpeg, from any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def _begin(self, image: Image) -> None:
        self._drop_metadata(image.metadata)
        self._has_alpha = image.alpha is not None
        self._is_deep = image.pixels.dtype == np.uint16
        command = ["-copyts", "-f", "nut", "-i", "pipe:0", *self._arguments()]
        self._stack.callback(self._drop_container)
        self._process = self._stack.enter_context(
            Process(self._binary, command, subject=str(self._path), has_input=True)
        )
        self._container = av.open(self._process.stdin, "w", format="nut", buffer_size=PIPE_BYTES)
        stream = self._container.add_stream("rawvideo", rate=25)
        stream.width, stream.height = image.size.width, image.size.height
        stream.pix_fmt = raw_format(image.pixels.dtype, has_alpha=self._has_alpha)
        stream.time_base = self._time_base
        self._stream = stream

    def _put(self, image: Image, start: Fraction, duration: Fraction) -> None:
        if self._container is None or self._stream is None or self._process is None:
            raise ValueError("_begin() comes before _put()")
        pixels = image.pixels
        if self._has_alpha:
            alpha = image.alpha
            if alpha is None:
                alpha = np.full(pixels.shape[:2], image.peak, pixels.dtype)
            pixels = np.dstack((pixels, alpha))
        packet = av.Packet(np.ascontiguousarray(pixels).tobytes())
        packet.stream = self._stream
        packet.time_base = self._time_base
        packet.pts = packet.dts = round(start / self._time_base)
        packet.is_keyframe = True
        try:
            self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._process.to_error(error) from error

    def _end_pipe(self) -> None:
        """Waits until the ffmpeg that reads frames has ended.

        Raises:
            FFmpegError: It has failed.
        """
        if self._container is None or self._process is None:
            raise ValueError("nothing has been written")
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._process.to_error(error) from error
        self._container = None
        self._process.finish()

    def _run(self, arguments: Sequence[str], *, source: Path | None = None) -> None:
        """Runs another ffmpeg to its end.

        Args:
            arguments: Its arguments.
            source: A file that is fed to its standard input. An ffmpeg that opens a long file by
                itself would go on to its end when this process is killed.

        Raises:
            FFmpegError: It has failed.
        """
        if source is None:
            arguments = ["-nostdin", *arguments]
        with Process(
            self._binary, arguments, subject=str(self._path), has_input=source is not None
        ) as process:
            self._process = process
            if source is not None:
                with source.open("rb") as file, contextlib.closing(process.stdin) as pipe:
                    while data := file.read(PIPE_BYTES):
                        try:
                            while data:
                                data = data[pipe.write(data) :]
                        except OSError as error:
                            raise process.to_error(error) from error
            process.finish()

    def _check(self, result: Path, duration: Fraction) -> Path:
        """Checks that a file is as long as it should be.

        Raises:
            FFmpegError: It is not.
        """
        timeline = read_timeline(result)
        length = sum(timeline.durations) if timeline is not None else Fraction(0)
        if self.frames > 1 and abs(length - duration) > self._time_base:
            raise FFmpegError(
                f"{self._path}: the encoder wrote {float(length):g} of {float(duration):g} s"
            )
        return result

    def _drop_container(self) -> None:
        if self._container is not None:
            with contextlib.suppress(av.FFmpegError, OSError):
                self._container.close()

    def _place(self, name: str) -> str:
        return url(self._folder / name)
