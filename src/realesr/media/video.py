"""Video files: ffmpeg decodes and encodes, and PyAV carries raw frames with their exact times.

Both ways lead through NUT, the one container that ffmpeg writes into a pipe and that keeps every
time stamp as it is.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import ffmpeg
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from realesr.errors import (
    FFmpegError,
    UnreadableMediaError,
    UnsupportedMediaError,
    UnwritableMediaError,
)
from realesr.geometry import Size
from realesr.imaging.alpha import composite
from realesr.imaging.image import Image
from realesr.media.encoders import Encoding, choose_encoding
from realesr.media.ffmpeg import Process, url
from realesr.media.formats import VideoFormat
from realesr.media.frames import Frame
from realesr.media.probe import VideoInfo
from realesr.media.streams import choose_streams
from realesr.options import DEFAULT_VIDEO, VideoOptions
from realesr.progress import Notify, ignore

_PIPE_BYTES = 1 << 20
_DECODED = re.compile(r"\(video\): .* frames decoded; (\d+) decode errors")
_WRITTEN = re.compile(r"Output stream #0:0 \(video\): .*?(\d+) packets muxed")
_STALE_TAG = re.compile(r"BPS|DURATION|NUMBER_OF_|_STATISTICS|SOURCE_ID|alpha_mode", re.IGNORECASE)
"""What tags say about the stream that was, and not about the one that is."""
_STALE_FILE_TAGS = ("major_brand", "minor_version", "compatible_brands")
_QUEUED_PACKETS = 65536
"""How many packets of other streams may wait for the first frame, however long it takes."""


class VideoSource:
    """The frames of a video, upright, as full-range RGB with their times.

    Args:
        info: What :func:`realesr.media.probe.probe` has found.
        options: Which part is read, and how.
        binary: The ffmpeg.
        notify: Receives a sentence for everything that is read another way than stored.
    """

    def __init__(
        self,
        info: VideoInfo,
        *,
        options: VideoOptions = DEFAULT_VIDEO,
        binary: str,
        notify: Notify = ignore,
    ) -> None:
        self.info = info
        self.undecodable = 0
        self._options = options
        self._binary = binary
        self._notify = notify
        self._stack = ExitStack()
        wanted = info.pixel_format
        self._depth: np.dtype[Any] = np.dtype("<u2" if wanted.depth > 8 else np.uint8)
        self._channels = 4 if wanted.has_alpha else 3
        self._is_gray = wanted.is_gray

    @property
    def expected(self) -> int | None:
        """How many frames will come, as far as the file tells."""
        frames, rate = self.info.frames, self.info.frame_rate
        options = self._options
        if frames is None or not options.is_excerpt:
            return frames
        if rate is not None:
            end = frames if options.end is None else min(frames, int(options.end * rate))
            frames = max(0, end - int(options.start * rate))
        return frames if options.frames is None else min(frames, options.frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yields frames.

        Raises:
            UnreadableMediaError: Not one frame can be decoded, or some cannot and the options are
                strict.
            UnsupportedMediaError: The size changes in the midst of it.
            FFmpegError: The decoder died.
        """
        process = self._stack.enter_context(
            Process(self._binary, self._arguments(), subject=str(self.info.path), has_output=True)
        )
        try:
            container = av.open(process.stdout, format="nut", buffer_size=_PIPE_BYTES)
        except av.FFmpegError as error:
            process.finish()
            raise UnreadableMediaError(
                f"{self.info.path}: no frame can be decoded: {process.last_words}"
            ) from error
        index = 0
        with cast(InputContainer, container) as container:
            for frame in self._frames(container):
                if self._options.frames is not None and index >= self._options.frames:
                    return
                if self._is_after(frame.pts):
                    return
                if self._is_before(frame.pts):
                    continue
                yield replace(frame, index=index)
                index += 1
        process.finish()
        self._count_undecodable(process.log)
        if not index:
            where = "in this part " if self._options.is_excerpt else ""
            raise UnreadableMediaError(
                f"{self.info.path}: no frame {where}can be decoded: {process.last_words}"
            )

    def _frames(self, container: InputContainer) -> Iterator[Frame]:
        stream = container.streams.video[0]
        width, height = stream.width, stream.height
        shape = (height, width, self._channels)
        for packet in container.demux(stream):
            if not packet.size:
                continue
            data = np.frombuffer(bytes(packet), self._depth)
            if data.size != width * height * self._channels or packet.pts is None:
                raise UnsupportedMediaError(
                    f"{self.info.path}: the size of its frames changes: cut it there first"
                )
            pixels = data.reshape(shape)
            alpha = None
            if self._channels == 4:
                alpha = np.ascontiguousarray(pixels[..., 3])
                pixels = np.ascontiguousarray(pixels[..., :3])
            image = Image(pixels, self._is_gray, alpha=alpha)
            yield Frame(index=0, image=image, pts=packet.pts * packet.time_base)

    def _is_before(self, pts: Fraction) -> bool:
        return self._options.start > 0 and pts - self.info.start < self._options.start

    def _is_after(self, pts: Fraction) -> bool:
        return self._options.end is not None and pts - self.info.start >= self._options.end

    def _count_undecodable(self, log: str) -> None:
        found = _DECODED.search(log)
        self.undecodable = int(found[1]) if found else 0
        if not self.undecodable:
            return
        what = f"{self.undecodable} frames cannot be decoded: the source is damaged"
        if self._options.is_strict:
            raise UnreadableMediaError(f"{self.info.path}: {what} (--strict)")
        self._notify(f"{what}; the others keep their times")

    def _arguments(self) -> list[str]:
        info = self.info
        opened: dict[str, Any] = {"max_error_rate": 1}
        if info.pixel_format.has_alpha and info.codec.startswith("libvpx"):
            opened["c:v"] = info.codec  # ffmpeg's own decoder leaves opacity out
        if self._options.start:
            # From the key frame before; what comes too early is dropped here, exactly.
            opened |= {"ss": self._options.start, "noaccurate_seek": None}
        node = ffmpeg.input(url(info.path), **opened)[str(info.index)]
        pixel_format = _raw_format(self._depth, has_alpha=self._channels == 4)
        filters = [info.color.to_rgb(pixel_format, is_rgb=info.pixel_format.is_rgb)]
        if info.is_interlaced and self._options.deinterlace == "auto":
            self._notify("is interlaced: whole frames are made of its fields (--deinterlace off)")
            filters.insert(0, "bwdif=mode=send_frame:deint=interlaced")
        output = node.output(
            "pipe:1",
            format="nut",
            vcodec="rawvideo",
            pix_fmt=pixel_format,
            vf=",".join(filters),
            fps_mode="passthrough",
            enc_time_base="demux",
        )
        return ["-nostdin", "-copyts", *ffmpeg.get_args(output)]


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

    def prepare(self, image: Image, size: Size) -> Image:
        """Starts the encoder, at the first frame.

        Returns:
            The frame as the encoder can hold it: laid on white where it knows no opacity.

        Raises:
            UnwritableMediaError: The folder or the file cannot be written.
        """
        if self._process is None:
            self._start(image, size)
        if image.alpha is not None and not self._encoding.pixel_format.has_alpha:
            return composite(image)
        return image

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

    def _start(self, image: Image, size: Size) -> None:
        if self._path.is_dir():
            raise UnwritableMediaError(f"{self._path}: is a folder: choose another --output")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._partial.touch()
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {error.strerror}") from error
        self._stack.callback(self._close_container)
        self._process = self._stack.enter_context(
            Process(self._binary, self._arguments(), subject=str(self._path), has_input=True)
        )
        self._container = av.open(self._process.stdin, "w", format="nut", buffer_size=_PIPE_BYTES)
        stream = self._container.add_stream("rawvideo", rate=self._info.frame_rate or 25)
        self._stream = cast(VideoStream, stream)
        self._stream.width, self._stream.height = size.width, size.height
        self._stream.pix_fmt = _raw_format(
            image.pixels.dtype, has_alpha=self._encoding.pixel_format.has_alpha
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

    def _arguments(self) -> list[str]:
        """Not by way of ffmpeg-python, which leaves an input out that gives tags alone."""
        info, options, target = self._info, self._options, self._target
        carried = choose_streams(info, target, binary=self._binary, notify=self._notify)
        arguments = ["-copyts", "-f", "nut", "-i", "pipe:0"]
        if options.start:
            arguments += ["-ss", f"{options.start}"]
        if options.end is not None:
            arguments += ["-to", f"{options.end}"]
        arguments += ["-i", url(info.path), "-map", "0:0"]
        for each in carried:
            arguments += ["-map", f"1:{each.stream.index}"]
        arguments += self._film_arguments()
        for number, each in enumerate(carried, start=1):
            arguments += [f"-c:{number}", each.codec]
            arguments += [f"-map_metadata:s:{number}", f"1:s:{each.stream.index}"]
            if each.stream.is_cover:
                arguments += [f"-disposition:{number}", "attached_pic"]
        arguments += ["-map_metadata", "1", "-map_chapters", "-1" if options.is_excerpt else "1"]
        for tag in _STALE_FILE_TAGS:
            arguments += ["-metadata", f"{tag}="]
        if options.start:
            arguments += ["-output_ts_offset", f"{-options.start}"]
        if target.muxer in ("mp4", "mov"):
            arguments += ["-movflags", "+faststart"]
        arguments += ["-max_muxing_queue_size", str(_QUEUED_PACKETS), *options.encoder_args]
        return [*arguments, "-f", target.muxer, "-y", url(self._partial)]

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


def _raw_format(dtype: np.dtype[Any], *, has_alpha: bool) -> str:
    """What ffmpeg calls RGB of this depth, with or without opacity."""
    if dtype.itemsize == 2:
        return "rgba64le" if has_alpha else "rgb48le"
    return "rgba" if has_alpha else "rgb24"
