"""The formats of images and videos: suffixes, and what each can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from realesr.errors import UnsupportedMediaError, UnwritableMediaError
from realesr.geometry import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """What a format can hold. Limits are those that common readers have, too.

    Attributes:
        name: As Pillow calls it.
        suffixes: In lower case, the usual one first.
        max_side: Longest side, px.
        max_pixels: Largest area, px.
        max_bytes: Largest size of the pixels before compression.
        supports_16_bit: Whether it holds more than 8 bits a channel.
        has_alpha: Whether it holds alpha.
        has_gray: Whether it has images of one channel.
        has_metadata: Whether it carries ICC profile, EXIF and XMP.
        is_lossy: Whether ``--quality`` means something.
        is_lossless: Whether it holds the pixels exactly, always or on ``--lossless``.
    """

    name: str
    suffixes: tuple[str, ...]
    max_side: int
    max_pixels: int = 2**40
    max_bytes: int = 2**50
    supports_16_bit: bool = False
    has_alpha: bool = True
    has_gray: bool = True
    has_metadata: bool = True
    is_lossy: bool = False
    is_lossless: bool = True

    def check_fits(self, path: Path, size: Size, *, channels: int, byte_depth: int) -> None:
        """Tells whether an image of this size can be written, before it is made.

        Raises:
            UnwritableMediaError: It cannot.
        """
        area = size.width * size.height
        limits = (
            (max(size.width, size.height), self.max_side, "px a side"),
            (area, self.max_pixels, "px"),
            (area * channels * byte_depth, self.max_bytes, "bytes of pixels"),
        )
        for value, limit, unit in limits:
            if value > limit:
                raise UnwritableMediaError(
                    f"{path}: {size} px do not fit into {self.name}, which ends at {limit} {unit}: "
                    "use --ext png or a smaller --outscale"
                )


IMAGE_FORMATS = (
    # libpng's own limit
    ImageFormat(name="PNG", suffixes=(".png",), max_side=1_000_000, supports_16_bit=True),
    # libjpeg's JPEG_MAX_DIMENSION
    ImageFormat(
        name="JPEG",
        suffixes=(".jpg", ".jpeg"),
        max_side=65_500,
        has_alpha=False,
        is_lossy=True,
        is_lossless=False,
    ),
    # 14 bits a side in the bitstream
    ImageFormat(name="WEBP", suffixes=(".webp",), max_side=16_383, has_gray=False, is_lossy=True),
    # 32-bit offsets
    ImageFormat(
        name="TIFF",
        suffixes=(".tif", ".tiff"),
        max_side=1_000_000,
        max_bytes=2**32 - 2**24,
        supports_16_bit=True,
    ),
    # a 32-bit length
    ImageFormat(
        name="BMP",
        suffixes=(".bmp",),
        max_side=1_000_000,
        max_bytes=2**31 - 2**16,
        has_metadata=False,
    ),
    # what libavif decodes unless told otherwise
    ImageFormat(
        name="AVIF",
        suffixes=(".avif",),
        max_side=32_768,
        max_pixels=2**28,
        supports_16_bit=True,
        is_lossy=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFormat:
    """What a container needs where a source's streams cannot be copied into it.

    Attributes:
        name: As people call it.
        suffixes: In lower case, the usual one first.
        muxer: As ffmpeg calls it.
        text_codec: ffmpeg's encoder for text subtitles.
        audio_codec: ffmpeg's encoder for sound that cannot be copied.
        video_codec: ffmpeg's encoder for 8 bits a channel, and for more.
        alpha_codec: ffmpeg's encoder for images with alpha; None if there is none.
    """

    name: str
    suffixes: tuple[str, ...]
    muxer: str
    text_codec: str
    audio_codec: str
    video_codec: tuple[str, str] = ("libx264", "libx265")
    alpha_codec: str | None = None

    @property
    def is_isobmff(self) -> bool:
        """Whether the container is an ISO base media file: MP4 or its parent, QuickTime."""
        return self.muxer in ("mp4", "mov")


VIDEO_FORMATS = (
    VideoFormat(
        name="MP4",
        suffixes=(".mp4", ".m4v"),
        muxer="mp4",
        text_codec="mov_text",
        audio_codec="aac",
    ),
    VideoFormat(
        name="Matroska",
        suffixes=(".mkv",),
        muxer="matroska",
        text_codec="srt",
        audio_codec="flac",
        alpha_codec="libvpx-vp9",
    ),
    VideoFormat(
        name="WebM",
        suffixes=(".webm",),
        muxer="webm",
        text_codec="webvtt",
        audio_codec="libopus",
        video_codec=("libvpx-vp9", "libvpx-vp9"),
        alpha_codec="libvpx-vp9",
    ),
    VideoFormat(
        name="QuickTime",
        suffixes=(".mov",),
        muxer="mov",
        text_codec="mov_text",
        audio_codec="aac",
        alpha_codec="prores_ks",
    ),
)

STANDARD_STREAM = Path("-")
"""Stands for standard input or output."""

Format = ImageFormat | VideoFormat
F = TypeVar("F", ImageFormat, VideoFormat)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaKind(Generic[F]):
    """A kind of files that a command takes.

    Attributes:
        noun: What people call it.
        one: The same with its article.
        written: The formats of outputs.
        fallback: Suffix of the output of an input whose own format is only read, and of what has
            no name.
        only_read: Suffixes, in lower case, of formats that are read and not written.
        advice: What to do with a file of another kind; by its suffix, in lower case.
    """

    noun: str
    one: str
    written: tuple[F, ...]
    fallback: str
    only_read: tuple[str, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes, in lower case, of what is read."""
        return (*self.written_suffixes, *self.only_read)

    @property
    def written_suffixes(self) -> tuple[str, ...]:
        """Suffixes, in lower case, of what is written."""
        return tuple(suffix for spec in self.written for suffix in spec.suffixes)

    def matches(self, path: Path) -> bool:
        """Whether the name ends like that of a file that is read."""
        return path.suffix.lower() in self.suffixes

    def format_of(self, path: Path) -> F:
        """The format that is written under a name.

        Raises:
            UnsupportedMediaError: It ends like none of them.
        """
        for spec in self.written:
            if path.suffix.lower() in spec.suffixes:
                return spec
        raise UnsupportedMediaError(
            f"{path}: not the name of {self.one}: "
            f"must end with one of {', '.join(self.written_suffixes)}"
        )

    def check_readable(self, path: Path) -> None:
        """Tells whether a file is of this kind by its name.

        Raises:
            UnsupportedMediaError: It is not.
        """
        if not self.matches(path):
            default = f"must end with one of {', '.join(self.suffixes)}"
            advice = self.advice.get(path.suffix.lower(), default)
            raise UnsupportedMediaError(f"{path}: not the name of {self.one}: {advice}")

    def suffix_of_output(self, path: Path) -> str:
        """The suffix of an input's output, if nothing else is asked for."""
        if path.suffix.lower() in self.written_suffixes:
            return path.suffix
        return self.fallback


AnyKind = MediaKind[Any]

_ONLY_READ_VIDEOS = (
    *(".avi", ".ts", ".m2ts", ".mts", ".flv", ".mpg", ".mpeg", ".vob", ".wmv", ".asf"),
    *(".ogv", ".3gp"),
)
_VIDEO_SUFFIXES = (
    *(suffix for spec in VIDEO_FORMATS for suffix in spec.suffixes),
    *_ONLY_READ_VIDEOS,
)
_ANIMATED = "animated images are not read yet: ffmpeg -i NAME.gif NAME.mkv makes a video of one"

IMAGES: MediaKind[ImageFormat] = MediaKind(
    noun="image",
    one="an image",
    written=IMAGE_FORMATS,
    fallback=".png",
    advice=dict.fromkeys(_VIDEO_SUFFIXES, "`realesr video` upscales videos"),
)
VIDEOS: MediaKind[VideoFormat] = MediaKind(
    noun="video",
    one="a video",
    written=VIDEO_FORMATS,
    # Matroska, because it carries nearly everything.
    fallback=".mkv",
    only_read=_ONLY_READ_VIDEOS,
    advice={
        ".gif": _ANIMATED,
        ".apng": _ANIMATED,
        **dict.fromkeys(IMAGES.suffixes, "`realesr image` upscales images"),
    },
)
