"""Encodes frames into a file without other streams: a whole video, or one piece of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.stream import VideoStream

from realesr.geometry import Size
from realesr.imaging.alpha import composite
from realesr.media.formats import VideoFormat
from realesr.media.frames import Frame
from realesr.media.video.encoders import Encoding, choose_encoding, encoder_arguments
from realesr.media.video.ffmpeg import raw_format, url
from realesr.media.video.info import VideoInfo
from realesr.media.video.output import PipedFile
from realesr.options import VideoOptions
from realesr.progress import Notify, no_notice

_USUAL_RATE = Fraction(25)
"""Frames per second that encoders are given where the source does not state any."""
_MAX_TERM = 65535
"""Largest term of an aspect ratio that H.264 and H.265 store (table E-1: 16 bits)."""
_SHORT_S = Fraction(1, 1000)
"""Tick in which frames of the same time are set apart, s: that of Matroska."""
_ROUNDING_S = Fraction(3, 4000)
"""Matroska rounds times to 1/1000 s: by half of that, and some leeway."""
_FRAGMENTED = {
    # Matroska rounds times to 1/1000 s, as in the output. MP4 does not, but a plain file keeps the
    # start in coarser units; fragments keep all times, and can be read from a pipe.
    "movflags": "+frag_discont+delay_moov+default_base_moof",
    "frag_size": str(4 << 20),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameClock:
    """The rule that places frames on the time line of the output.

    Attributes:
        time_base: Length of a tick, s.
        origin: The time in the source that becomes 0 in the output, s.
        first_tick: The tick of frame 0 where one frame follows the other at every tick
            (``fps``); None if every frame keeps its own time.
    """

    time_base: Fraction
    origin: Fraction
    first_tick: int | None = None

    def ticks(self, frame: Frame) -> int:
        """Returns when a frame is shown in the output, in ticks."""
        if self.first_tick is not None:
            return self.first_tick + frame.index
        return round((frame.pts - self.origin) / self.time_base)


def earliest_last(time: Fraction, duration: Fraction) -> Fraction:
    """Returns the earliest time, s, that is still that of the last frame: containers round times.

    Args:
        time: When the last frame is shown, s.
        duration: For how long, s. It may be far longer than that of the frame before.
    """
    return time - min(duration / 4, _ROUNDING_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeSpec:
    """Everything that the encoding of a video depends on, apart from its frames and their size.

    Pieces that were encoded with equal specs, in whatever process, can be joined.

    Attributes:
        info: The source.
        target: The container of the output.
        options: Which part is encoded, and how.
        encoding: The encoder with its pixel format and arguments.
    """

    info: VideoInfo
    target: VideoFormat
    options: VideoOptions
    encoding: Encoding

    @classmethod
    def choose(
        cls,
        info: VideoInfo,
        target: VideoFormat,
        options: VideoOptions,
        *,
        binary: str,
        notify: Notify = no_notice,
    ) -> Self:
        """Chooses the encoder that keeps the source's chroma, depth and alpha.

        Args:
            info: The source.
            target: The container of the output.
            options: Which part is encoded, and how.
            binary: The ffmpeg.
            notify: Receives a sentence for everything that the encoder does not keep.

        Raises:
            InvalidOptionError: There is no such encoder or pixel format.
        """
        encoding = choose_encoding(info, target, options, binary=binary, notify=notify)
        return cls(info=info, target=target, options=options, encoding=encoding)

    @property
    def frame_rate(self) -> Fraction:
        """The nominal number of frames per second, which encoders derive levels from."""
        return self.options.fps or self.info.frame_rate or _USUAL_RATE

    @property
    def _time_base(self) -> Fraction:
        if self.options.fps is not None:
            return 1 / self.options.fps
        # The source's own time base holds every time of the source exactly.
        time_base = self.info.time_base
        if self.info.index in self.info.scan.equal_times:
            # The second of two frames of the same time comes a tick later: a short one, so that the
            # frames behind it keep theirs.
            return time_base / math.ceil(time_base / _SHORT_S)
        return time_base

    @property
    def _origin(self) -> Fraction:
        """The time in the source that becomes 0 in the output, s."""
        start = self.options.start
        return start + self.info.start if start else self.info.origin

    def clock(self, first: Fraction) -> FrameClock:
        """Returns the time line of the output.

        Args:
            first: When the first frame of the video is shown, or of the excerpt that is asked for,
                s in the source. Only ``fps`` depends on it.
        """
        origin, time_base = self._origin, self._time_base
        first_tick = None if self.options.fps is None else round((first - origin) / time_base)
        return FrameClock(time_base=time_base, origin=origin, first_tick=first_tick)

    def piece_clock(self, position: int) -> FrameClock:
        """Returns the time line of a piece.

        Args:
            position: Number of frames before the piece. Only ``fps`` depends on it; the muxer
                closes gaps that damaged frames leave.
        """
        clock = self.clock(Fraction(0))
        return clock if clock.first_tick is None else replace(clock, first_tick=position)

    def stream_arguments(self) -> list[str]:
        """Returns the arguments that encode raw frames into stream 0 of an output."""
        info, encoding = self.info, self.encoding
        pixel_format = encoding.pixel_format
        color = info.color.from_rgb(pixel_format.name, is_rgb=pixel_format.is_rgb)
        arguments = ["-c:0", encoding.codec]
        for option, value in encoding.arguments.items():
            arguments += [f"-{option}", value]
        # Without a limit of its own the filter rounds to terms up to 100.
        ratio = f"setsar=ratio={info.sample_aspect_ratio}:max={_MAX_TERM}"
        arguments += ["-filter:0", f"{color},{ratio}"]
        arguments += ["-fps_mode:0", "passthrough", "-enc_time_base:0", "demux"]
        arguments += self._last_frame_arguments()
        return [*arguments, *self.tag_arguments()]

    @property
    def last_frame(self) -> tuple[Fraction, Fraction] | None:
        """When the last frame of the source is shown, and for how long, s; None if unknown.

        The time is that in the output. Frames carry no length in the pipe; that of all others
        follows from the next one. Of an excerpt it need not be a part.
        """
        info, options = self.info, self.options
        last = info.scan.last.get(info.index)
        if last is None or options.fps is not None or not last[1]:
            return None
        time, length = last
        if options.end is not None:
            length = min(length, options.end + info.start - time)
        return None if length <= 0 else (time - self._origin, length)

    def is_last(self, time: Fraction) -> bool:
        """Returns whether the frame of this time, s, is the last one; rounding is allowed for."""
        return self.last_frame is not None and time >= earliest_last(*self.last_frame)

    def _last_frame_arguments(self) -> list[str]:
        if self.last_frame is None:
            return []
        time, length = self.last_frame
        is_last = f"gte(PTS*TB,{float(earliest_last(time, length)):.6f})"
        ticks = f"if({is_last},{float(length):.6f}/TB,DURATION)"
        if self.target.is_isobmff:
            # There the lengths of packets, in the order of decoding, make up that of the track. The
            # last packet is the one without a next one; whether the last frame came is kept in 0.
            has_come = f"st(0,max(ld(0),{is_last}))"
            rest = f"{float(time + length):.6f}/TB-STARTPTS-(DTS-STARTDTS)"
            ticks = f"if({has_come}*lt(NEXT_PTS,-9e18),max({rest},1),{ticks})"
        ticks = ticks.replace(",", "\\,")
        return ["-bsf:0", f"setts=pts=PTS:dts=DTS:duration={ticks}"]

    def tag_arguments(self) -> list[str]:
        """Returns the arguments that name the codec of stream 0 in the container."""
        return [] if self.encoding.tag is None else ["-tag:0", self.encoding.tag]

    def piece_arguments(self, destination: Path) -> list[str]:
        """Returns the arguments of an ffmpeg that writes a piece.

        Args:
            destination: The file.
        """
        arguments = ["-copyts", "-f", "nut", "-i", "pipe:0", "-map", "0:0"]
        arguments += [*self.stream_arguments(), *encoder_arguments(self.options.encoder_args)]
        for option, value in self.piece_options.items():
            arguments += [f"-{option}", value]
        return [*arguments, "-f", self.target.muxer, "-y", url(destination)]

    @property
    def piece_suffix(self) -> str:
        """The suffix of a piece: pieces have the container of the output."""
        return self.target.suffixes[0]

    @property
    def piece_options(self) -> dict[str, str]:
        """Options of the muxer with which a piece keeps times as exactly as the output."""
        return _FRAGMENTED if self.target.is_isobmff else {}


class VideoEncoder:
    """A sink of frames that encodes them into a file without other streams.

    The file gets its name when it is whole; if encoding fails or is aborted, nothing is left.

    Args:
        path: The destination. A missing folder is created.
        spec: How frames are encoded.
        clock: The time line of the output; None if the first frame that comes is the first of the
            video, so that the time line follows from it.
        binary: The ffmpeg.
        command: Returns the arguments of the ffmpeg that reads raw frames as NUT from its standard
            input and writes a file of this name; None for those of a piece.
        is_durable: Whether the file must have reached the disk before it gets its name.
        complete: As of :class:`~realesr.media.video.output.PipedFile`.
    """

    def __init__(
        self,
        path: Path,
        *,
        spec: EncodeSpec,
        clock: FrameClock | None = None,
        binary: str,
        command: Callable[[Path], list[str]] | None = None,
        is_durable: bool = False,
        complete: Callable[[Path, Mapping[int, int]], None] | None = None,
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._command = command or spec.piece_arguments
        self._file = PipedFile(path, binary=binary, is_durable=is_durable, complete=complete)
        self._stream: VideoStream | None = None
        self._last_tick = -(2**62)

    @property
    def frames(self) -> int:
        """Number of frames that have been written."""
        return self._file.packets

    def __enter__(self) -> Self:
        return self

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns the smallest size, px, that the pixel format supports and that holds a size."""
        return self._spec.encoding.nearest_supported_size(size)

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Starts ffmpeg at the first frame.

        Args:
            frame: The next frame, before it is upscaled.
            size: Size of the upscaled frames, px.

        Returns:
            The frame; composited on white if the encoder has no alpha.

        Raises:
            UnwritableMediaError: The folder or the file cannot be written.
        """
        if self._stream is None:
            self._start(frame, size)
        if frame.image.alpha is not None and not self._spec.encoding.pixel_format.has_alpha:
            return replace(frame, image=composite(frame.image))
        return frame

    def write(self, frame: Frame) -> None:
        """Encodes a frame.

        Raises:
            FFmpegError: ffmpeg has died.
        """
        if self._stream is None or self._clock is None:
            raise ValueError("prepare() comes before write()")
        image = frame.image
        pixels = image.pixels
        if self._spec.encoding.pixel_format.has_alpha:
            alpha = image.alpha
            if alpha is None:
                alpha = np.full(pixels.shape[:2], image.peak, pixels.dtype)
            pixels = np.dstack((pixels, alpha))
        # Containers need times that increase, which those of a damaged source may not do.
        self._last_tick = max(self._clock.ticks(frame), self._last_tick + 1)
        packet = av.Packet(np.ascontiguousarray(pixels).tobytes())
        packet.stream = self._stream
        packet.time_base = self._clock.time_base
        packet.pts = packet.dts = self._last_tick
        packet.is_keyframe = True
        self._file.mux(packet)

    def abort(self) -> None:
        """Kills ffmpeg, from any thread."""
        self._file.abort()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._file.__exit__(kind, error, traceback)

    def _start(self, frame: Frame, size: Size) -> None:
        if self._clock is None:
            self._clock = self._spec.clock(frame.pts)
        container = self._file.start(self._command, container="nut")
        stream = container.add_stream("rawvideo", rate=self._spec.frame_rate)
        stream.width, stream.height = size.width, size.height
        stream.pix_fmt = raw_format(
            frame.image.pixels.dtype, has_alpha=self._spec.encoding.pixel_format.has_alpha
        )
        stream.time_base = self._clock.time_base
        self._stream = stream
