"""Videos made of frames that come from no video: animations and folders of frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from realesr.imaging.image import Image
from realesr.media.formats import VideoFormat
from realesr.media.video.color import ColorTags
from realesr.media.video.encoder import EncodeSpec, VideoEncoder, earliest_last
from realesr.media.video.ffmpeg import url
from realesr.media.video.info import FrameNotes, PixelFormat, StreamInfo, VideoInfo
from realesr.media.video.projection import Projection
from realesr.media.video.scan import Scan
from realesr.options import VideoOptions
from realesr.progress import Notify


def bare_info(
    path: Path, image: Image, *, times: Sequence[Fraction], length: Fraction, time_base: Fraction
) -> VideoInfo:
    """Returns the properties of a video of such frames.

    Args:
        path: What the frames come from.
        image: The first frame; all have its depth, and alpha if it has.
        times: When each frame is shown, s.
        length: Length of all, s.
        time_base: A length of which all times are multiples, s.
    """
    pixel_format = PixelFormat(
        name="rgb",
        depth=8 * image.pixels.dtype.itemsize,
        chroma=(1, 1),
        is_rgb=True,
        is_gray=image.is_gray,
        has_alpha=image.alpha is not None,
    )
    stream = StreamInfo(index=0, kind="video", codec="rawvideo", tags={})
    return VideoInfo(
        path=path,
        index=0,
        codec="rawvideo",
        size=image.size,
        pixel_format=pixel_format,
        color=ColorTags(matrix=1),  # what is RGB gets the usual one
        notes=FrameNotes(),
        is_interlaced=False,
        sample_aspect_ratio=Fraction(1),
        time_base=time_base,
        frame_rate=(len(times) / length).limit_denominator(1001) if length else None,
        frames=len(times),
        start=Fraction(0),
        origin=Fraction(0),
        projection=Projection(),
        streams=(stream,),
        scan=Scan(container="", has_any_clock=False, stills=frozenset(), packets=None),
        tags={},
    )


class BareVideoSink(VideoEncoder):
    """A sink that writes a video without any other stream, in one pass.

    Args:
        path: The destination. A missing folder is created.
        target: Its container.
        info: Properties of the frames.
        last: When the last frame is shown, and how long, s.
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
        last: tuple[Fraction, Fraction],
        options: VideoOptions,
        binary: str,
        notify: Notify,
    ) -> None:
        spec = EncodeSpec.choose(info, target, options, binary=binary, notify=notify)
        self._last = last
        super().__init__(path, spec=spec, binary=binary, command=self._whole)

    def _whole(self, destination: Path) -> list[str]:
        spec = self._spec
        return [
            *("-copyts", "-f", "nut", "-i", "pipe:0", "-map", "0:0", *spec.stream_arguments()),
            *self._length_of_last_frame(),
            *spec.options.encoder_args,
            *("-f", spec.target.muxer, "-y", url(destination)),
        ]

    def _length_of_last_frame(self) -> list[str]:
        """Returns the arguments that tell it: frames carry no length in the pipe."""
        spec = self._spec
        time, length = self._last
        number = (spec.info.frames or 1) - 1
        if spec.options.fps is not None:
            time, length = number / spec.options.fps, 1 / spec.options.fps
        else:
            time -= spec.options.start
        is_last = f"gte(PTS*TB,{float(earliest_last(time, length)):.6f})"
        ticks = f"if({is_last},{float(length):.9f}/TB,DURATION)"
        if spec.target.is_isobmff:
            # There the lengths of packets, in the order of decoding, make up that of the track.
            end = f"{float(time + length):.9f}/TB-(DTS-STARTDTS)"
            ticks = f"if(eq(N,{number}),max({end},1),{ticks})"
        ticks = ticks.replace(",", "\\,")
        return ["-bsf:0", f"setts=pts=PTS:dts=DTS:duration={ticks}"]
