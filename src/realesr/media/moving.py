"""Chooses how ``realesr video`` reads an input, by its content, and how it writes an output.

Videos, animations and series of frames meet here alone; :mod:`realesr.media.pictures` has the
choice of ``realesr image``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

from realesr.media.animations.content import is_animated
from realesr.media.animations.sink import AnimationSink, Playback
from realesr.media.animations.source import AnimationSource
from realesr.media.animations.timeline import FOREVER
from realesr.media.animations.writers import make_sink
from realesr.media.formats import Format, ImageFormat, VideoFormat
from realesr.media.frames import Destination, FrameSink, FrameSource, Segment
from realesr.media.series.names import check_apart, is_series, numbered_target
from realesr.media.series.sink import SeriesSink
from realesr.media.series.source import SeriesSource, UnfinishedSource
from realesr.media.video.bare import BareVideoSink, bare_info
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.files import VideoFiles
from realesr.media.video.film import Film
from realesr.media.video.parts import parts_of_one_size
from realesr.media.video.source import VideoSource
from realesr.options import DEFAULT_ENCODING, EncodingOptions, VideoOptions
from realesr.progress import Notice, Notify

_FINEST = Fraction(1, 1_000_000)
"""Unit of times, s, where durations have no common one that is longer."""


def animation_sink(
    path: Path,
    target: ImageFormat,
    source: FrameSource,
    *,
    encoding: EncodingOptions,
    notify: Notify,
    fps: Fraction | None = None,
    ffmpeg: Path | None = None,
) -> AnimationSink:
    """Returns a sink for an animation that is made of any source.

    Args:
        path: The destination.
        target: Its format.
        source: Where the frames come from, which has given the first one.
        encoding: Quality, or lossless.
        notify: Receives a sentence for everything that the file does not hold.
        fps: Constant frame rate, 1/s; None if every frame keeps its time.
        ffmpeg: Path of ffmpeg; None searches for it.

    Raises:
        FFmpegNotFoundError: There is no suitable ffmpeg.
    """
    playback = Playback(fps=fps)
    if isinstance(source, AnimationSource):
        timeline = source.timeline
        unit = _common_unit(timeline.durations)
        playback = replace(playback, plays=timeline.plays, time_base=unit)
    elif isinstance(source, SeriesSource):
        playback = replace(playback, time_base=1 / source.rate)
    elif isinstance(source, VideoSource):
        rate = source.info.frame_rate
        playback = replace(
            playback, time_base=source.info.time_base, last=1 / rate if rate else None
        )
        _report_lost(source, target, notify)
    if fps is not None:
        playback = replace(playback, time_base=1 / fps)
    return make_sink(
        path,
        target=target,
        playback=playback,
        binary=find_ffmpeg(ffmpeg),
        encoding=encoding,
        notify=notify,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingFiles:
    """Opens videos, animations and series of frames as sources and sinks.

    Attributes:
        videos: How videos are read and written.
        encoding: Quality of animations.
        restart: Whether frames that are there are made anew.
    """

    videos: VideoFiles
    encoding: EncodingOptions = DEFAULT_ENCODING
    restart: bool = False

    @classmethod
    def from_options(
        cls,
        options: VideoOptions,
        encoding: EncodingOptions = DEFAULT_ENCODING,
        *,
        restart: bool = False,
    ) -> Self:
        """Finds the ffmpeg that the options ask for.

        Raises:
            FFmpegNotFoundError: There is no suitable one.
        """
        videos = VideoFiles.from_options(options)
        return cls(videos=videos, encoding=encoding, restart=restart)

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None = None,
        destination: Destination | None = None,
    ) -> FrameSource:
        """Returns the frames of an input, which its content decides how to read.

        Raises:
            InvalidOptionError: Frames would replace those that they are made of.
        """
        options = self.videos.options
        pattern = None if destination is None else numbered_target(destination.path)
        is_done: Callable[[int], bool] = _never
        if pattern is not None and not self.restart:
            is_done = _Existing(pattern.path)
        if is_series(path):
            if pattern is not None:
                check_apart(path, pattern)
            return SeriesSource(
                path,
                options=options,
                needs_rate=pattern is None,
                is_done=is_done,
                notify=notify,
            )
        source: FrameSource
        if is_animated(path):
            source = AnimationSource(path, options=options, notify=notify)
        else:
            source = self.videos.source(path, notify, segment)
        if pattern is None:
            return source
        return UnfinishedSource(source, lambda index: is_done(index + 1), notify=notify)

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None = None,
    ) -> FrameSink:
        """Returns a sink for the frames of a source.

        Raises:
            FFmpegNotFoundError, InvalidOptionError: As the writers do.
        """
        pattern = numbered_target(path)
        if isinstance(target, ImageFormat):
            _report_idle(self.videos.options, target, notify)
            if pattern is None:
                options = self.videos.options
                return animation_sink(
                    path,
                    target,
                    source,
                    encoding=self.encoding,
                    notify=notify,
                    fps=None if isinstance(source, SeriesSource) else options.fps,
                    ffmpeg=options.ffmpeg,
                )
            number_of = source.number_of if isinstance(source, SeriesSource) else _from_one
            return SeriesSink(
                pattern,
                target=target,
                number_of=number_of,
                encoding=self.encoding,
                notify=notify,
            )
        if isinstance(source, AnimationSource | SeriesSource):
            return self._bare_sink(path, target, source, notify)
        return self.videos.sink(path, target, source, notify, segment)

    def film(self, path: Path, target: Format) -> Film | None:
        """Opens a video that may be made in pieces; None for anything else.

        Raises:
            MediaError: The file cannot be read.
        """
        if not isinstance(target, VideoFormat) or is_series(path) or is_animated(path):
            return None
        return self.videos.film(path, target)

    def parts(self, path: Path) -> tuple[Self, ...]:
        """Returns what reads the parts of an input whose frames have one size, in order.

        Raises:
            MediaError: The file cannot be read.
        """
        if is_series(path) or is_animated(path):
            return (self,)
        return tuple(
            replace(self, videos=replace(self.videos, options=options))
            for options in parts_of_one_size(path, self.videos.options)
        )

    def _bare_sink(
        self,
        path: Path,
        target: VideoFormat,
        source: AnimationSource | SeriesSource,
        notify: Notify,
    ) -> BareVideoSink:
        options = self.videos.options
        if source.first_image is None:
            raise ValueError("the source has given no frame yet")
        if isinstance(source, SeriesSource):
            options = replace(options, fps=None)  # the times of its frames have it already
            time_base = 1 / source.rate
        else:
            time_base = _common_unit(source.timeline.durations)
            _report_loop(source.timeline.plays, target, notify)
        times, last = source.times, source.last_duration
        info = bare_info(
            source.path,
            source.first_image,
            times=times,
            length=times[-1] + last - times[0],
            time_base=time_base,
        )
        return BareVideoSink(
            path,
            target=target,
            info=info,
            last=(times[-1], last),
            options=options,
            binary=self.videos.binary,
            notify=notify,
        )


@dataclass(frozen=True, slots=True)
class _Existing:
    """Tells whether the output of a number is there; it is whole, since it has its name."""

    path_of: Callable[[int], Path]

    def __call__(self, number: int) -> bool:
        return self.path_of(number).exists()


def _never(number: int) -> bool:
    return False


def _from_one(index: int) -> int:
    return index + 1


def _common_unit(durations: tuple[Fraction, ...]) -> Fraction:
    """Returns the longest unit, s, of which all durations are multiples."""
    unit = Fraction(1, math.lcm(*{each.denominator for each in durations}))
    return max(unit, _FINEST)


def _report_loop(plays: int, target: VideoFormat, notify: Notify) -> None:
    if plays != 1:
        times = "without end" if plays == FOREVER else f"{plays} times"
        notify(Notice("loop-dropped", f"is played {times}; {target.name} does not say so: once"))


def _report_lost(source: VideoSource, target: ImageFormat, notify: Notify) -> None:
    """Names the streams of a video that an animation cannot hold."""
    others = [str(stream) for stream in source.info.streams if stream.index != source.info.index]
    if others:
        notify(Notice("stream-dropped", f"{target.name} holds no {', no '.join(others)}"))
    if source.info.color.is_hdr:
        notify(
            Notice(
                "hdr-metadata-dropped",
                f"{target.name} does not tell that the colors are HDR: they look pale",
            )
        )


def _report_idle(options: VideoOptions, target: ImageFormat, notify: Notify) -> None:
    """Names options of video encoders, which have no effect on images."""
    names = [
        name
        for name in ("codec", "crf", "preset", "pix_fmt", "encoder_args")
        if getattr(options, name) not in (None, ())
    ]
    if names:
        listed = ", ".join(f"`{name}`" for name in names)
        own = "has `quality` and `lossless`" if target.is_lossy else "has no quality to choose"
        notify(Notice("option-without-effect", f"{listed} without effect: {target.name} {own}"))
