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
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from realesr.errors import FFmpegError, UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.alpha import composite
from realesr.media.encoders import Encoding, choose_encoding
from realesr.media.ffmpeg import PIPE_BYTES, Process, find_ffmpeg, raw_format, url
from realesr.media.formats import Format, VideoFormat
from realesr.media.frames import Frame, FrameSource
from realesr.media.probe import VideoInfo, end_of_frames
from realesr.media.streams import choose_streams
from realesr.media.video_source import VideoSource
from realesr.options import DEFAULT_VIDEO, VideoOptions
from realesr.progress import Notify, ignore

_WRITTEN = re.compile(r"Output stream #0:0 \(video\): .*?(\d+) packets muxed")
_STALE_TAG = re.compile(r"BPS|DURATION|NUMBER_OF_|_STATISTICS|SOURCE_ID|alpha_mode", re.IGNORECASE)
"""What tags say about the stream that was, and not about the one that is."""
_STALE_FILE_TAGS = ("major_brand", "minor_version", "compatible_brands")
_QUEUED_PACKETS = 65536
"""How many packets of other streams may wait for the first frame, however long it takes."""


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
        notify: Notify = ignore,
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
        # The source's own holds every time of the source exactly.
        self._time_base = info.time_base if options.fps is None else 1 / options.fps

    def __enter__(self) -> Self:
        return self

    @property
    def encoding(self) -> Encoding:
        """How it is encoded."""
        return self._encoding

    def legal(self, size: Size) -> Size:
        """The size, px, with whole values of colour."""
        return self._encoding.legal(size)

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Starts the encoder, at the first frame.

        Returns:
            The frame as the encoder can hold it: laid on white where it knows no opacity.

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
        packet.pts = packet.dts = (
            round(frame.pts / self._time_base) if self._options.fps is None else self._written
        )
        packet.is_keyframe = True
        try:
            self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._process.fail(error) from error
        self._written += 1

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
            raise UnwritableMediaError(f"{self._path}: is a folder: choose another --output")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._partial.touch()
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {error.strerror}") from error
        self._stack.callback(self._close_container)
        self._process = self._stack.enter_context(
            Process(
                self._binary, self._arguments(frame.pts), subject=str(self._path), has_input=True
            )
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
                f"{process.last_words}"
            )

    def _arguments(self, first: Fraction) -> list[str]:
        """Not by way of ffmpeg-python, which leaves an input out that gives tags alone."""
        info, options, target = self._info, self._options, self._target
        carried = choose_streams(info, target, binary=self._binary, notify=self._notify)
        if options.start:
            # ffmpeg lets every input begin at 0, which for the other streams is the start that
            # is asked for. With -copyts it would not tell which packets come before.
            since_start = first - info.start - Fraction(options.start)
            arguments = ["-itsoffset", f"{float(since_start):.6f}", "-f", "nut", "-i", "pipe:0"]
            arguments += ["-ss", f"{options.start:.6f}"]
        else:
            arguments = ["-copyts", "-f", "nut", "-i", "pipe:0"]
        end = self._end()
        if end is not None:
            arguments += ["-to", f"{end:.6f}"]
        arguments += ["-i", url(info.path), "-map", "0:0"]
        for each in carried:
            arguments += ["-map", f"1:{each.stream.index}"]
        arguments += self._film_arguments()
        for number, each in enumerate(carried, start=1):
            arguments += [f"-c:{number}", each.codec]
            arguments += [f"-map_metadata:s:{number}", f"1:s:{each.stream.index}"]
            if options.start:
                arguments += [f"-copypriorss:{number}", "0"]
            if each.stream.is_cover:
                arguments += [f"-disposition:{number}", "attached_pic"]
        arguments += ["-map_metadata", "1", "-map_chapters", "-1" if options.is_excerpt else "1"]
        for tag in _STALE_FILE_TAGS:
            arguments += ["-metadata", f"{tag}="]
        if target.muxer in ("mp4", "mov"):
            arguments += ["-movflags", "+faststart"]
        arguments += ["-max_muxing_queue_size", str(_QUEUED_PACKETS), *options.encoder_args]
        return [*arguments, "-f", target.muxer, "-y", url(self._partial)]

    def _end(self) -> float | None:
        """Where the other streams of an excerpt end, s from the beginning."""
        options, ends = self._options, []
        if options.end is not None:
            ends.append(options.end)
        if options.frames is not None:
            end = end_of_frames(self._info, start=options.start, frames=options.frames)
            if end is not None:
                ends.append(float(end))
        return min(ends, default=None)

    def _film_arguments(self) -> list[str]:
        """What concerns the first stream of the output, the enlarged one."""
        info, encoding = self._info, self._encoding
        color = info.color.from_rgb(encoding.pixel_format.name)
        arguments = ["-c:0", encoding.codec]
        for option, value in encoding.arguments.items():
            arguments += [f"-{option}", value]
        arguments += ["-filter:0", f"{color},setsar={info.sample_aspect_ratio}"]
        arguments += ["-fps_mode:0", "passthrough", "-enc_time_base:0", "demux"]
        arguments += ["-map_metadata:s:0", f"1:s:{info.index}"]
        arguments += ["-disposition:0", "+".join(info.stream.dispositions) or "0"]
        for tag in info.stream.tags:
            if _STALE_TAG.match(tag):
                arguments += ["-metadata:s:0", f"{tag}="]
        return arguments


@dataclass(frozen=True, slots=True)
class Videos:
    """How videos are read and written.

    Attributes:
        options: Which part is read, and how it is written.
        binary: The ffmpeg.
    """

    options: VideoOptions
    binary: str

    @classmethod
    def made(cls, options: VideoOptions) -> Self:
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
