"""Properties of video files, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

from realesr.geometry import Size
from realesr.media.video.color import ColorTags
from realesr.media.video.projection import Projection
from realesr.media.video.scan import Scan
from realesr.options import VideoOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """The layout of pixels in a video.

    Attributes:
        name: ffmpeg's name.
        depth: Bits per channel.
        chroma: Pixels that share one chroma sample, across and down: (2, 2) is 4:2:0.
        is_rgb: Whether pixels are RGB, directly or through a palette.
        is_gray: Whether there is luma alone.
        has_alpha: Whether there is an alpha channel.
        has_palette: Whether pixels are indices of a palette.
    """

    name: str
    depth: int
    chroma: tuple[int, int]
    is_rgb: bool = False
    is_gray: bool = False
    has_alpha: bool = False
    has_palette: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HdrMetadata:
    """The display and the light that a video was mastered for (SMPTE ST 2086, CTA-861.3).

    Attributes:
        display: ``G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)`` in x265's units, or None.
        content: MaxCLL and MaxFALL, cd/m2, or None.
    """

    display: str | None = None
    content: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameNotes:
    """What is attached to frames.

    Attributes:
        hdr: Mastering display and content light level.
        has_dolby_vision: Whether there is metadata of Dolby Vision.
        has_hdr10_plus: Whether there is metadata of HDR10+ (SMPTE ST 2094-40).
        has_captions: Whether there are closed captions (ATSC A/53).
        timecode: Time code of the first group of pictures, ``hours:minutes:seconds:frames``; a
            ``;`` stands before the frames of drop-frame codes. None if there is none, or 0.
        is_multiview: Whether frames are those of one of several views (MV-HEVC).
        is_unknown: Whether something is attached that PyAV does not know, so that nothing can be
            read.
    """

    hdr: HdrMetadata = HdrMetadata()
    has_dolby_vision: bool = False
    has_hdr10_plus: bool = False
    has_captions: bool = False
    timecode: str | None = None
    is_multiview: bool = False
    is_unknown: bool = False

    def joined(self, other: Self) -> FrameNotes:
        """Returns what is attached to either of two frames, the earlier one first."""
        return FrameNotes(
            hdr=HdrMetadata(
                display=self.hdr.display or other.hdr.display,
                content=self.hdr.content or other.hdr.content,
            ),
            has_dolby_vision=self.has_dolby_vision or other.has_dolby_vision,
            has_hdr10_plus=self.has_hdr10_plus or other.has_hdr10_plus,
            has_captions=self.has_captions or other.has_captions,
            timecode=self.timecode or other.timecode,
            is_multiview=self.is_multiview or other.is_multiview,
            is_unknown=self.is_unknown or other.is_unknown,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """A stream of a file.

    Attributes:
        index: Number of the stream in the file.
        kind: ``video``, ``audio``, ``subtitle``, ``data`` or ``attachment``.
        codec: ffmpeg's name of the codec; empty if there is none.
        language: The language tag, or None.
        is_cover: Whether the stream is marked as a still image such as a cover.
        is_picture: Whether the stream holds a single image in a codec for images.
        dispositions: Purposes of the stream by ffmpeg's names, such as ``default``.
        tags: Metadata of the stream.
    """

    index: int
    kind: str
    codec: str
    language: str | None = None
    is_cover: bool = False
    is_picture: bool = False
    dispositions: tuple[str, ...] = ()
    tags: dict[str, str]

    @property
    def is_film(self) -> bool:
        """Whether the stream holds moving images."""
        return self.kind == "video" and not (self.is_cover or self.is_picture)

    def __str__(self) -> str:
        name = f"{self.kind} stream {self.index}"
        details = [word for word in (self.codec, self.language) if word]
        return f"{name} ({', '.join(details)})" if details else name


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """Properties of a video file.

    Attributes:
        path: The file.
        index: Number of the stream that is upscaled.
        codec: ffmpeg's name of the decoder.
        size: Stored size, px, before any rotation.
        pixel_format: Layout of the pixels.
        color: Color tags; the matrix is never unspecified.
        notes: What is attached to the first frames, such as HDR metadata.
        is_interlaced: Whether frames consist of two fields.
        sample_aspect_ratio: Width by height of a pixel of the upright image; 1 if untagged.
        time_base: Length of a tick, of which times in the stream are multiples, s.
        frame_rate: Average frames per second, or None.
        frames: Number of frames by the container, or by duration and rate; or None.
        start: Earliest time in the file, s.
        origin: The time that becomes 0 in an output of the whole file, s: ``start`` where the clock
            of the container may begin anywhere, or begins before 0, and else 0.
        scan: What its packets tell.
        projection: Marks of spherical and stereoscopic videos.
        streams: All streams.
        tags: Metadata of the file.
    """

    path: Path
    index: int
    codec: str
    size: Size
    pixel_format: PixelFormat
    color: ColorTags
    notes: FrameNotes
    is_interlaced: bool
    sample_aspect_ratio: Fraction
    time_base: Fraction
    frame_rate: Fraction | None
    frames: int | None
    start: Fraction
    origin: Fraction
    scan: Scan
    projection: Projection
    streams: tuple[StreamInfo, ...]
    tags: dict[str, str]

    @property
    def stream(self) -> StreamInfo:
        """The stream that is upscaled."""
        return self.streams[self.index]

    def sizes(self, options: VideoOptions) -> tuple[tuple[Fraction, Size], ...]:
        """Returns the sizes of frames in a part, px, and the times, s, from which they apply.

        Args:
            options: Which part is read.

        Returns:
            None of them if the size stays the same in the whole file.
        """
        begin = self.start + options.start
        end = None if options.end is None else self.start + options.end
        found: list[tuple[Fraction, Size]] = []
        for time, size in self.scan.sizes.get(self.index, ()):
            if time <= begin:
                found = [(time, size)]
            elif end is None or time < end:
                found.append((time, size))
        return tuple(found)

    @property
    def hdr_metadata(self) -> HdrMetadata:
        """Mastering display and content light level."""
        return self.notes.hdr
