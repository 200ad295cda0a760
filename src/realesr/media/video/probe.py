"""Reads the properties of video files with PyAV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realesr.errors import InvalidOptionError, UnreadableMediaError, UnsupportedMediaError
from realesr.geometry import Size
from realesr.media.video import access
from realesr.media.video.color import RGB, UNSPECIFIED, ColorTags
from realesr.media.video.info import FrameNotes, PixelFormat, StreamInfo, VideoInfo
from realesr.media.video.projection import read_projection
from realesr.media.video.reading import open_input, readable_packets, rewind
from realesr.media.video.scan import Scan, scan
from realesr.media.video.sidedata import notes_of

PROBED_FRAMES = 50
"""Number of first frames that are searched for signs of interlacing."""
_PROBED_PACKETS, _PROBED_BYTES, _PROBED_S = 1000, 1 << 29, 20.0
"""Limits of what is read and of the time until one of the first frames can be decoded."""
_ENOUGH_BYTES, _ENOUGH_S = 1 << 26, 3.0
"""Limits behind the first frame, for large frames or slow decoders."""
_REORDERED = 32
"""Packets to read beyond a frame: they come in the order of decoding, at most 16 frames off."""
_ATTACHED = av.stream.Disposition.attached_pic
_FULL = 2


def probe(path: Path, *, video_stream: int | None = None) -> VideoInfo:
    """Reads the headers of a file, its first frames, and the times of its packets.

    Args:
        path: The file.
        video_stream: Number of the stream that is upscaled; None for the first film.

    Raises:
        UnreadableMediaError: The file cannot be opened, or none of its first frames can be decoded.
        UnsupportedMediaError: The file holds no video, or one that is not supported.
        InvalidOptionError: There is no video stream of that number.
    """
    if not path.is_file():
        raise UnreadableMediaError(f"{path}: no such file")
    try:
        with open_input(path) as container:
            found = scan(container)
        with open_input(path) as container:
            info = _probe(path, container, found, video_stream)
            av.logging.set_level(None)  # another thread may have imported torchvision meanwhile
            return info
    except av.ArgumentError as error:  # what the list of kinds refuses, and some damage
        raise UnreadableMediaError(f"{path}: {access.refusal(path)}") from error
    except av.ExitError as error:
        raise UnreadableMediaError(
            f"{path}: its streams were not found within {access.OPENING_S:g} s"
        ) from error
    except av.FFmpegError as error:
        raise UnreadableMediaError(
            f"{path}: damaged, cut short or no video: {error.strerror}"
        ) from error


def _probe(
    path: Path, container: InputContainer, found: Scan, video_stream: int | None
) -> VideoInfo:
    stream = _film(path, container, found, video_stream)
    streams = tuple(_stream_info(each, found) for each in container.streams)
    if stream.codec_context is None:
        raise UnsupportedMediaError(f"{path}: its video is of a kind that PyAV does not know")
    codec = stream.codec_context.codec.name
    is_interlaced, first, notes = False, None, FrameNotes()
    for frame in _first_frames(container, stream):
        first = first or frame
        is_interlaced = is_interlaced or frame.interlaced_frame
        notes = notes.joined(notes_of(frame))
    if first is None:
        raise UnreadableMediaError(f"{path}: not one of its first frames can be decoded")
    pixel_format = pixel_format_of(first.format.name)
    if _says_alpha(stream) and not pixel_format.has_alpha:
        rewind(container)
        with_alpha = _decoded_with_alpha(container, stream)
        if with_alpha is not None:
            codec, first = f"libvpx{'-vp9' if codec == 'vp9' else ''}", with_alpha
            pixel_format = pixel_format_of(first.format.name)
    size = Size(first.width, first.height)
    time_base = stream.time_base or Fraction(1, av.time_base)
    start = _start(container, found, time_base)
    return VideoInfo(
        path=path,
        index=stream.index,
        codec=codec,
        size=size,
        pixel_format=pixel_format,
        color=_color_of(stream, first, pixel_format, size),
        notes=notes,
        is_interlaced=is_interlaced,
        sample_aspect_ratio=_sample_aspect_ratio(stream, first),
        time_base=time_base,
        frame_rate=stream.average_rate,
        frames=_expected_frames(container, stream),
        start=start,
        origin=start if start < 0 or found.has_any_clock else Fraction(0),
        scan=found,
        projection=read_projection(path, stream.index),
        streams=streams,
        tags=dict(container.metadata),
    )


def _film(
    path: Path, container: InputContainer, found: Scan, video_stream: int | None
) -> VideoStream:
    """Returns the stream that is asked for, or the first one that is no cover."""
    videos = container.streams.video
    if video_stream is not None:
        for stream in videos:
            if stream.index == video_stream:
                return stream
        numbers = ", ".join(str(stream.index) for stream in videos) or "none"
        raise InvalidOptionError(
            f"`video_stream` {video_stream}: {path} has other video streams: {numbers}"
        )
    films = [stream for stream in videos if not stream.disposition & _ATTACHED]
    moving = [stream for stream in films if stream.index not in found.stills]
    if not films:
        raise UnsupportedMediaError(f"{path}: holds no video, only {_kinds(container)}")
    return (moving or films)[0]


def _start(container: InputContainer, found: Scan, time_base: Fraction) -> Fraction:
    """Returns the earliest time in a file, s.

    It is exact where the output begins with it: PyAV rounds it to a millionth of a second, and all
    streams of such containers count in the same ticks.
    """
    start = Fraction(container.start_time or 0, av.time_base)
    if start < 0 or found.has_any_clock:
        start = round(start / time_base) * time_base
    return start


def end_of_frames(info: VideoInfo, *, start: Fraction, frames: int) -> Fraction | None:
    """Returns when the first frame after an excerpt begins, s from the beginning, or None.

    Args:
        info: The file.
        start: Start of the excerpt, s from the beginning.
        frames: Number of frames in the excerpt.
    """
    earliest = info.start + start
    times: list[Fraction] = []
    with open_input(info.path) as container:
        stream = container.streams[info.index]
        rewind(container, int(earliest / info.time_base), stream=stream)
        for packet in readable_packets(container, stream):
            if packet.pts is not None and packet.pts * packet.time_base >= earliest:
                times.append(packet.pts * packet.time_base)
            if len(times) > frames + _REORDERED:
                break
    return sorted(times)[frames] - info.start if len(times) > frames else None


def _first_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yields the first frames that can be decoded and skips the others."""
    stream.thread_type = "AUTO"
    found, size, began = 0, 0, time.monotonic()
    packets = chain(readable_packets(container, stream), (None,))  # the last frames come at the end
    for number, packet in enumerate(packets):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            frames = []
        yield from frames
        found += len(frames)
        size += packet.size if packet is not None else 0
        took = time.monotonic() - began
        if found >= PROBED_FRAMES or (found and (size > _ENOUGH_BYTES or took > _ENOUGH_S)):
            return
        if number > _PROBED_PACKETS or size > _PROBED_BYTES or took > _PROBED_S:
            return


def _says_alpha(stream: VideoStream) -> bool:
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    return tags.get("alpha_mode") == "1" and stream.codec_context.name in ("vp8", "vp9")


def _decoded_with_alpha(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """Decodes a frame with libvpx, because ffmpeg's own decoders drop alpha; None if opaque."""
    name = "libvpx-vp9" if stream.codec_context.name == "vp9" else "libvpx"
    try:
        decoder = av.CodecContext.create(name, "r")
    except av.FFmpegError:
        return None
    for number, packet in enumerate(readable_packets(container, stream)):
        frames = decoder.decode(packet)  # type: ignore[attr-defined]
        if frames or number > PROBED_FRAMES:
            first = frames[0] if frames else None
            return first if first is not None and "yuva" in first.format.name else None
    return None


def pixel_format_of(name: str) -> PixelFormat:
    """Returns the properties of a pixel format by its name in ffmpeg.

    Raises:
        UnsupportedMediaError: Frames of this format hold no pixels, as those of hardware decoders.
    """
    known = av.VideoFormat(name, 16, 16)
    components = known.components
    if not components:
        raise UnsupportedMediaError(f"pixel format {name} is not read")
    has_alpha = any(component.is_alpha for component in components)
    is_rgb = known.is_rgb or known.has_palette
    is_gray = len(components) - has_alpha == 1 and not known.has_palette
    return PixelFormat(
        name=name,
        depth=8 if known.has_palette else max(component.bits for component in components),
        chroma=(1, 1)
        if is_rgb or is_gray
        else (16 // known.chroma_width(16), 16 // known.chroma_height(16)),
        is_rgb=is_rgb,
        is_gray=is_gray,
        has_alpha=has_alpha and not known.has_palette,
        has_palette=known.has_palette,
    )


def _color_of(
    stream: VideoStream, frame: VideoFrame, pixel_format: PixelFormat, size: Size
) -> ColorTags:
    """Returns the tags of the frame; those that it lacks come from the container."""
    context = stream.codec_context

    def tag_of(name: str, nothing: int) -> int:
        return next(
            (
                int(value)
                for value in (getattr(frame, name), getattr(context, name))
                if value != nothing
            ),
            nothing,
        )

    tags = ColorTags(
        matrix=tag_of("colorspace", UNSPECIFIED),
        primaries=tag_of("color_primaries", UNSPECIFIED),
        transfer=tag_of("color_trc", UNSPECIFIED),
        is_full=tag_of("color_range", 0) == _FULL or pixel_format.name.startswith("yuvj"),
    )
    if pixel_format.is_rgb or tags.matrix == RGB:
        # RGB has no matrix: the output gets the usual one.
        return replace(tags, matrix=1, is_full=False)
    return tags.completed(size)


def _sample_aspect_ratio(stream: VideoStream, frame: VideoFrame) -> Fraction:
    ratio = stream.sample_aspect_ratio or Fraction(1)
    if ratio <= 0:
        return Fraction(1)
    return 1 / ratio if frame.rotation % 180 else ratio


def _expected_frames(container: InputContainer, stream: VideoStream) -> int | None:
    if stream.frames:
        return stream.frames
    rate = stream.average_rate
    if stream.duration and stream.time_base and rate:
        return round(stream.duration * stream.time_base * rate)
    if container.duration and rate:
        return round(Fraction(container.duration, av.time_base) * rate)
    return None


def _stream_info(stream: Any, found: Scan) -> StreamInfo:
    context = stream.codec_context
    is_picture = stream.type == "video" and stream.index in found.stills
    return StreamInfo(
        index=stream.index,
        kind=stream.type,
        codec=context.codec.canonical_name if context is not None else "",
        language=stream.language if stream.language not in (None, "und") else None,
        is_cover=bool(stream.disposition & _ATTACHED),
        is_picture=is_picture,
        dispositions=tuple(flag.name for flag in stream.disposition),
        tags=dict(stream.metadata),
    )


def _kinds(container: InputContainer) -> str:
    return ", ".join(dict.fromkeys(stream.type for stream in container.streams)) or "nothing"
