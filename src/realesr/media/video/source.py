"""Reads videos: ffmpeg decodes, and PyAV receives raw frames with their exact times.

Frames travel as NUT, the only container that ffmpeg can write into a pipe without changing any
time stamp.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import ffmpeg
import numpy as np
from av.container import InputContainer

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.imaging.image import Image
from realesr.media.frames import Frame, Segment
from realesr.media.video import access
from realesr.media.video.clock import jumps_text, shift_options
from realesr.media.video.color import SCALER_FLAGS
from realesr.media.video.ffmpeg import raw_format, url
from realesr.media.video.info import VideoInfo
from realesr.media.video.notices import notices_of
from realesr.media.video.probe import probe
from realesr.media.video.process import PIPE_BYTES, Process
from realesr.media.video.reading import open_input
from realesr.options import DEFAULT_VIDEO, VideoOptions
from realesr.progress import Notice, Notify, no_notice

TRUNCATED = r"File ended prematurely|partial file|Packet corrupt|exceeds containing master element"
"""Messages of demuxers about missing packets."""
NON_MONOTONIC = r"[Nn]on-monotonic DTS; previous: (-?\d+), current: (-?\d+)"
"""Message of ffmpeg about time stamps that go back; the groups are times in ticks."""
DECODER_REFUSED = r"Error submitting packet to decoder"
"""Message of ffmpeg about a packet that cannot be decoded."""
_RESIZED = r"Reconfiguring filter graph because video parameters changed to .*?(\d+x\d+)"
"""Message of ffmpeg about another size of frames, which it scales to the first one from there."""
_LEAST_SIDE = 3
"""Smallest side that ffmpeg's deinterlacer takes, px."""
_JUMP_S = Fraction(1, 2)
"""Largest step back that rounding by a container may cause, s."""
_MAYBE_INTERLACED = (
    *("mpeg1video", "mpeg2video", "mpeg4", "h264", "hevc", "vc1", "wmv3"),
    *("dvvideo", "prores", "mjpeg", "ffv1", "huffyuv", "utvideo", "rawvideo", "v210"),
)
_DECODED = re.compile(r"\(video\): .* frames decoded; (\d+) decode errors")


class VideoSource:
    """The frames of a video, upright, as full-range RGB with their times.

    Args:
        path: The file. It is opened when the context is entered.
        options: Which part is read, and how.
        segment: The part that is read, which lies within that of the options; None for all of it.
        binary: The ffmpeg.
        notify: Receives a sentence for everything that is not read as it is stored.
    """

    def __init__(
        self,
        path: Path,
        *,
        options: VideoOptions = DEFAULT_VIDEO,
        segment: Segment | None = None,
        binary: str,
        notify: Notify = no_notice,
    ) -> None:
        self.decode_errors = 0
        """Number of frames that could not be decoded; final when all frames have come."""
        self._path = path
        self._info: VideoInfo | None = None
        self._options = options
        self._segment = segment
        self._binary = binary
        self._notify = notify
        self._process: Process | None = None

    @property
    def info(self) -> VideoInfo:
        """The content of the file; available within the context."""
        if self._info is None:
            raise ValueError("the context has not been entered")
        return self._info

    @property
    def frame_count(self) -> int | None:
        """Number of frames that will come according to the file; None if it does not say."""
        if self._segment is not None:
            return self._segment.frames
        if self._info is None:
            return None
        frames, rate = self.info.frames, self.info.frame_rate
        options = self._options
        if frames is None or not options.is_excerpt:
            return frames
        if rate is not None:
            end = frames if options.end is None else min(frames, int(options.end * rate))
            frames = max(0, end - int(options.start * rate))
        return frames if options.frames is None else min(frames, options.frames)

    def __enter__(self) -> Self:
        """Reads the headers and the first frames of the file.

        Raises:
            MediaError: The file cannot be read, or no part of it.
            InvalidOptionError: There is no such video stream.
        """
        info = self._info = probe(self._path, video_stream=self._options.video_stream)
        if info.scan.jumps and self._options.is_excerpt:
            raise UnsupportedMediaError(
                f"{self._path}: no part can be cut out of it (`start`, `end`, `frames`), because "
                f"its clock jumps at {jumps_text(info.scan.jumps, info.origin)}: upscale it whole"
            )
        for notice in notices_of(info, self._options):
            self._notify(notice)
        if sizes := info.sizes(self._options):
            self._info = replace(info, size=sizes[0][1])
        return self

    def abort(self) -> None:
        """Kills ffmpeg, from any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.end()

    def __iter__(self) -> Iterator[Frame]:
        """Yields frames.

        Raises:
            UnreadableMediaError: No frame can be decoded, or some cannot and the options are
                strict.
            UnsupportedMediaError: The times of frames jump back where it was not foreseen.
            FFmpegError: ffmpeg has died.
        """
        most = self._options.frames if self._segment is None else None
        preroll: deque[Frame] = deque(maxlen=0 if self._segment is None else self._segment.preroll)
        index = 0
        for frame in self._from_start():
            if most is not None and index >= most:
                return
            if self._end is not None and frame.pts >= self._end:
                break
            if self._start is not None and frame.pts < self._start:
                preroll.append(replace(frame, is_preroll=True))
                continue
            while preroll:
                yield preroll.popleft()
            yield replace(frame, index=index)
            index += 1
        if not index:
            raise UnreadableMediaError(f"{self._path}: there is no frame in this part")
        if self._segment is not None and self._segment.frames is not None and self._process:
            refused = self._process.matched(DECODER_REFUSED) is not None
            self._report_damage(max(0, self._segment.frames - index) if refused else 0)

    @property
    def _start(self) -> Fraction | None:
        """The earliest time of a frame, s; None for the beginning."""
        if self._segment is not None and self._segment.start is not None:
            return self._segment.start
        return self._options.start + self.info.start if self._options.start else None

    @property
    def _end(self) -> Fraction | None:
        """The time that frames must precede, s; None for the end."""
        if self._segment is not None:
            return self._segment.end
        return None if self._options.end is None else self._options.end + self.info.start

    def _from_start(self) -> Iterator[Frame]:
        """Yields frames from the key frame before the start on, or from the first.

        ffmpeg may seek too far in files without an index; then everything is decoded.
        """
        seek = self._start if self._segment is None else self._segment.seek
        if seek is not None and seek > self.info.start:
            frames = self._decoded(seek - self.info.start)
            try:
                first = next(frames, None)
            except UnreadableMediaError:  # ffmpeg sought behind the last key frame
                first = None
            if first is not None and first.pts <= seek:
                yield first
                yield from frames
                return
            frames.close()
        yield from self._decoded(Fraction(0))

    def _decoded(self, seek: Fraction) -> Generator[Frame, None, None]:
        with Process(
            self._binary,
            self._arguments(seek),
            subject=str(self._path),
            has_output=True,
            watch_for=(TRUNCATED, NON_MONOTONIC, DECODER_REFUSED, _RESIZED),
        ) as process:
            self._process = process
            try:
                container = open_input(process.stdout, format="nut", buffer_size=PIPE_BYTES)
            except av.FFmpegError as error:
                process.finish()
                raise UnreadableMediaError(
                    f"{self._path}: no frame can be decoded: {process.error_summary}"
                ) from error
            with container:
                tick = container.streams.video[0].time_base or Fraction(1, av.time_base)
                for frame in self._frames(container, process):
                    self._check_clock(process, tick)
                    yield frame
            process.finish()
            self._check_clock(process, tick)
            self._check_whole(process)

    @property
    def _dtype(self) -> np.dtype[Any]:
        return np.dtype("<u2" if self.info.pixel_format.depth > 8 else np.uint8)

    @property
    def _ahead(self) -> int:
        """Whole seconds by which frames come later, because NUT holds no times before 0."""
        return max(0, math.ceil(-self.info.start))

    def _frames(self, container: InputContainer, process: Process) -> Iterator[Frame]:
        stream = container.streams.video[0]
        shape = (stream.height, stream.width, 4 if self.info.pixel_format.has_alpha else 3)
        dtype = self._dtype
        size = self.info.size
        if sorted((stream.width, stream.height)) != sorted((size.width, size.height)):
            self._notify(
                Notice(
                    "frames-cropped",
                    f"shows {stream.width}x{stream.height} of the {size} px in its frames, as its "
                    "container asks for: the rest is left out",
                )
            )
        for packet in container.demux(stream):
            if not packet.size:
                continue
            data = np.frombuffer(bytes(packet), np.uint8)
            if data.size != math.prod(shape) * dtype.itemsize or packet.pts is None:
                process.check()  # a decoder that died leaves a part of a frame
                raise UnreadableMediaError(f"{self._path}: ffmpeg sent a part of a frame")
            pixels = data.view(dtype).reshape(shape)
            alpha = None
            if shape[2] == 4:
                alpha = np.ascontiguousarray(pixels[..., 3])
                pixels = np.ascontiguousarray(pixels[..., :3])
            image = Image(pixels, self.info.pixel_format.is_gray, alpha=alpha)
            yield Frame(index=0, image=image, pts=packet.pts * packet.time_base - self._ahead)

    def _check_whole(self, process: Process) -> None:
        """Reports frames that are missing."""
        if self._segment is None:
            found = _DECODED.search(process.log)
            self._report_damage(int(found[1]) if found else 0)
        resized = process.matched(_RESIZED)
        if resized and self.info.index not in self.info.scan.sizes:
            size = re.search(_RESIZED, resized)
            self._notify(
                Notice(
                    "size-changed",
                    f"the size or the kind of its frames changes, to {size[1] if size else '?'}: "
                    f"all become as large as the first, {self.info.size}",
                )
            )
        if process.matched(TRUNCATED):
            self._report("the source is cut short or damaged: frames may be missing")

    def _report_damage(self, frames: int) -> None:
        self.decode_errors = frames
        if frames:
            counted = "1 frame" if frames == 1 else f"{frames} frames"
            self._report(f"{counted} cannot be decoded: the source is damaged")

    def _report(self, trouble: str) -> None:
        if self._options.is_strict:
            raise UnreadableMediaError(f"{self._path}: {trouble} (`is_strict`)")
        self._notify(Notice("frames-damaged", f"{trouble}; the others keep their times"))

    def _check_clock(self, process: Process, tick: Fraction) -> None:
        """Raises an error if times jump back, because ffmpeg would give such frames no duration."""
        line = process.matched(NON_MONOTONIC)
        found = re.search(NON_MONOTONIC, line) if line else None
        if found and (int(found[1]) - int(found[2])) * tick > _JUMP_S:
            raise UnsupportedMediaError(
                f"{self._path}: its time stamps jump back, as in files that were joined: "
                "`ffmpeg -i FILE -map 0 -c copy FILE.mkv` repairs most"
            )

    def _arguments(self, seek: Fraction) -> list[str]:
        info = self.info
        opened: dict[str, Any] = {"max_error_rate": 1, **access.options()}
        opened |= shift_options(info.scan, [info.index])
        if self._ahead:
            opened["itsoffset"] = self._ahead
        if info.pixel_format.has_alpha and info.codec.startswith("libvpx"):
            opened["c:v"] = info.codec  # ffmpeg's own decoder leaves alpha out
        if seek:
            # To the key frame before; what comes too early is dropped by its time, exactly.
            opened |= {"ss": f"{float(seek):.6f}", "noaccurate_seek": None}
        node = ffmpeg.input("", **opened)[str(info.index)]
        pixel_format = raw_format(self._dtype, has_alpha=info.pixel_format.has_alpha)
        filters = [info.color.to_rgb(pixel_format, is_rgb=info.pixel_format.is_rgb)]
        if info.index in info.scan.sizes:  # what is decoded first may lie before the part
            filters.insert(0, f"scale={info.size.width}:{info.size.height}:flags={SCALER_FLAGS}")
        if self._is_deinterlaced:
            # Frames that do not say to be interlaced pass untouched.
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
        arguments = ffmpeg.get_args(output)
        # ffmpeg-python itself fails on names that are not UTF-8.
        arguments[arguments.index("-i") + 1] = url(info.path)
        return ["-nostdin", "-copyts", *arguments]

    @property
    def _is_deinterlaced(self) -> bool:
        info = self.info
        if self._options.deinterlace != "auto" or info.stream.codec not in _MAYBE_INTERLACED:
            return False
        if info.index in info.scan.sizes and not info.is_interlaced:
            return False  # the filter loses a frame wherever the size changes
        return min(info.size.width, info.size.height) >= _LEAST_SIDE
