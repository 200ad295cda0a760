"""Formats of images and videos: their suffixes, and what each can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from realesr.errors import UnsupportedMediaError, UnwritableMediaError
from realesr.geometry import Size
from realesr.media.animations.content import is_animated


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """An image format and its limits, which are those of common readers.

    Attributes:
        name: Pillow's name of the format.
        suffixes: Suffixes in lower case, the usual one first.
        max_side: Longest side, px.
        max_pixels: Largest area, px.
        max_bytes: Largest size of the pixels before compression, bytes.
        supports_16_bit: Whether the format holds more than 8 bits a channel.
        supports_alpha: Whether the format holds alpha.
        supports_gray: Whether the format holds images of one channel.
        supports_metadata: Whether the format holds ICC profile, EXIF and XMP.
        is_lossy: Whether ``quality`` has an effect.
        is_lossless: Whether the pixels can be stored exactly, always or with ``lossless``.
        holds_animations: Whether the format holds several frames with their times.
    """

    name: str
    suffixes: tuple[str, ...]
    max_side: int
    max_pixels: int = 2**40
    max_bytes: int = 2**50
    supports_16_bit: bool = False
    supports_alpha: bool = True
    supports_gray: bool = True
    supports_metadata: bool = True
    is_lossy: bool = False
    is_lossless: bool = True
    holds_animations: bool = False

    def check_fits(self, path: Path, size: Size, *, channels: int, byte_depth: int) -> None:
        """Checks, before an image is made, that the format can hold one of this size.

        Args:
            path: Destination, named in the error.
            size: Size of the image, px.
            channels: Number of channels, alpha included.
            byte_depth: Bytes a channel, 1 or 2.

        Raises:
            UnwritableMediaError: The size exceeds a limit of the format.
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
                    "use `ext` png or a smaller `outscale`"
                )


IMAGE_FORMATS = (
    # libpng's own limit
    ImageFormat(
        name="PNG",
        suffixes=(".png", ".apng"),
        max_side=1_000_000,
        supports_16_bit=True,
        holds_animations=True,
    ),
    # libjpeg's JPEG_MAX_DIMENSION
    ImageFormat(
        name="JPEG",
        suffixes=(".jpg", ".jpeg"),
        max_side=65_500,
        supports_alpha=False,
        is_lossy=True,
        is_lossless=False,
    ),
    # 14 bits a side in the bitstream
    ImageFormat(
        name="WEBP",
        suffixes=(".webp",),
        max_side=16_383,
        supports_gray=False,
        is_lossy=True,
        holds_animations=True,
    ),
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
        supports_metadata=False,
    ),
    # the default limit of libavif's decoder
    ImageFormat(
        name="AVIF",
        suffixes=(".avif",),
        max_side=32_768,
        max_pixels=2**28,
        supports_16_bit=True,
        is_lossy=True,
        holds_animations=True,
    ),
    # 16 bits a side; 256 colors, one of them transparent
    ImageFormat(
        name="GIF",
        suffixes=(".gif",),
        max_side=65_535,
        supports_gray=False,
        supports_metadata=False,
        is_lossless=False,
        holds_animations=True,
    ),
)
ANIMATION_FORMATS = tuple(spec for spec in IMAGE_FORMATS if spec.holds_animations)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFormat:
    """A container, and the codecs for streams that cannot be copied into it.

    Attributes:
        name: Common name of the container.
        suffixes: Suffixes in lower case, the usual one first.
        muxer: ffmpeg's name of the container.
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
"""The path that stands for standard input or output."""

Format = ImageFormat | VideoFormat
F = TypeVar("F", ImageFormat, VideoFormat)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaType(Generic[F]):
    """A type of media that a command takes: images or videos.

    Attributes:
        noun: Name of one file of the type.
        one: ``noun`` with its article.
        output_formats: Formats that can be written.
        default_suffix: Suffix of the output if the format of the input cannot be written, or if
            the input has no name.
        read_only_suffixes: Suffixes, in lower case, of formats that can be read but not written.
        aliases: Other suffixes, in lower case, of files that can be read, and the one that their
            output gets.
        unsure_suffixes: Those of the suffixes above that other files have too.
        hints: Advice for files of other types, by suffix in lower case.
        animated_suffixes: Suffixes, in lower case, of formats whose files count if they hold an
            animation.
    """

    noun: str
    one: str
    output_formats: tuple[F, ...]
    default_suffix: str
    read_only_suffixes: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    unsure_suffixes: tuple[str, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)
    animated_suffixes: tuple[str, ...] = ()

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes, in lower case, of files that can be read."""
        return (*self.output_suffixes, *self.read_only_suffixes, *self.aliases)

    @property
    def output_suffixes(self) -> tuple[str, ...]:
        """Suffixes, in lower case, of files that can be written."""
        return tuple(suffix for spec in self.output_formats for suffix in spec.suffixes)

    def matches(self, path: Path) -> bool:
        """Returns whether the suffix is that of a file that can be read."""
        return path.suffix.lower() in self.suffixes

    def holds(self, path: Path) -> bool:
        """Returns whether a file counts: by its suffix, and animations by their content."""
        suffix = path.suffix.lower()
        if suffix in self.animated_suffixes:
            return is_animated(path)
        return self.matches(path)

    def format_of(self, path: Path) -> F:
        """Returns the output format that a path's suffix stands for.

        Raises:
            UnsupportedMediaError: The suffix is not that of an output format.
        """
        suffix = path.suffix.lower()
        suffix = self.aliases.get(suffix, suffix)
        for spec in self.output_formats:
            if suffix in spec.suffixes:
                return spec
        raise UnsupportedMediaError(
            f"{path}: not the name of {self.one}: "
            f"must end with one of {', '.join(self.output_suffixes)}"
        )

    def check_readable(self, path: Path, *, content: str | None = None) -> None:
        """Checks that a file has a suffix of this media type.

        Args:
            path: The file.
            content: The suffix that stands for its content, if that is known.

        Raises:
            UnsupportedMediaError: The suffix is another one; the message has a hint.
        """
        if not self.holds(path):
            default = f"must end with one of {', '.join(self.suffixes)}"
            hint = self.hints.get(content or path.suffix.lower(), default)
            raise UnsupportedMediaError(f"{path}: not the name of {self.one}: {hint}")

    def suffix_of_output(self, path: Path) -> str:
        """Returns the suffix of an input's output where no format is requested."""
        suffix = path.suffix.lower()
        return path.suffix if suffix in self.output_suffixes else self.output_suffix_of(suffix)

    def output_suffix_of(self, suffix: str) -> str:
        """Returns the suffix of an output, for the usual suffix of the input's format."""
        if suffix in self.output_suffixes:
            return suffix
        return self.aliases.get(suffix, self.default_suffix)


AnyMediaType = MediaType[Any]

RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25"),
    *(".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2"),
    *(".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""Suffixes of camera RAW files, which are read with the extra ``raw``."""
_READ_ONLY_IMAGE_SUFFIXES = (
    *(".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx"),
    *(".tga", ".ico", ".psd", ".exr", ".hdr"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    *RAW_SUFFIXES,
)
_READ_ONLY_VIDEO_SUFFIXES = (
    *(".avi", ".ts", ".m2ts", ".mts", ".flv", ".mpg", ".mpeg", ".vob", ".wmv", ".asf"),
    *(
        ".ogv",
        ".ogg",
        ".3gp",
        ".3g2",
        ".mpe",
        ".m1v",
        ".m2v",
        ".dv",
        ".mxf",
        ".y4m",
        ".rm",
        ".rmvb",
    ),
    *(".nut", ".ivf", ".obu", ".h264", ".264", ".h265", ".265", ".hevc"),
)
_VIDEO_ALIASES = {".qt": ".mov", ".f4v": ".mp4"}
_VIDEO_SUFFIXES = (
    *(suffix for spec in VIDEO_FORMATS for suffix in spec.suffixes),
    *_READ_ONLY_VIDEO_SUFFIXES,
    *_VIDEO_ALIASES,
)
_IMAGE_ALIASES = {
    **dict.fromkeys((".jpe", ".jfif", ".mpo"), ".jpg"),
    ".apng": ".png",
    ".dib": ".bmp",
    ".avifs": ".avif",
}
_ANIMATED_SUFFIXES = tuple(suffix for spec in ANIMATION_FORMATS for suffix in spec.suffixes)

IMAGES: MediaType[ImageFormat] = MediaType(
    noun="image",
    one="an image",
    output_formats=IMAGE_FORMATS,
    default_suffix=".png",
    read_only_suffixes=_READ_ONLY_IMAGE_SUFFIXES,
    aliases=_IMAGE_ALIASES,
    hints=dict.fromkeys(_VIDEO_SUFFIXES, "`realesr video` upscales videos"),
)
STILL_IMAGES = replace(
    IMAGES,
    output_formats=tuple(
        replace(spec, suffixes=tuple(each for each in spec.suffixes if each != ".apng"))
        for spec in IMAGE_FORMATS
        if spec.name != "GIF"  # whose 256 colors would be another damage
    ),
    read_only_suffixes=(".gif", *_READ_ONLY_IMAGE_SUFFIXES),
)
"""Images of which one is written for each file: without the formats that are for animations."""
VIDEOS: MediaType[Any] = MediaType(
    noun="video",
    one="a video",
    output_formats=(*VIDEO_FORMATS, *ANIMATION_FORMATS),
    # Matroska, because it carries nearly everything.
    default_suffix=".mkv",
    read_only_suffixes=_READ_ONLY_VIDEO_SUFFIXES,
    aliases=_VIDEO_ALIASES,
    unsure_suffixes=(".ogg", ".ts", ".mts", ".dv", ".rm"),
    hints=dict.fromkeys(IMAGES.suffixes, "`realesr image` upscales images"),
    animated_suffixes=_ANIMATED_SUFFIXES,
)
