"""The picture formats: suffixes, and what each can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
        has_depth: Whether it holds more than 8 bits a channel.
        has_alpha: Whether it holds opacity.
        has_gray: Whether it has pictures of one channel.
        has_metadata: Whether it carries ICC profile, EXIF and XMP.
        is_lossy: Whether ``--quality`` means something.
        is_lossless: Whether it holds the pixels exactly, always or on ``--lossless``.
    """

    name: str
    suffixes: tuple[str, ...]
    max_side: int
    max_pixels: int = 2**40
    max_bytes: int = 2**50
    has_depth: bool = False
    has_alpha: bool = True
    has_gray: bool = True
    has_metadata: bool = True
    is_lossy: bool = False
    is_lossless: bool = True

    def check_fits(self, path: Path, size: Size, *, channels: int, byte_depth: int) -> None:
        """Tells whether a picture of this size can be written, before it is made.

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
    ImageFormat(name="PNG", suffixes=(".png",), max_side=1_000_000, has_depth=True),
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
        has_depth=True,
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
        has_depth=True,
        is_lossy=True,
    ),
)

STANDARD_STREAM = Path("-")
"""Stands for standard input or output."""

_BY_SUFFIX = {suffix: spec for spec in IMAGE_FORMATS for suffix in spec.suffixes}

IMAGE_SUFFIXES = tuple(_BY_SUFFIX)
"""Suffixes, in lower case, of the pictures that are read and written."""


def is_image(path: Path) -> bool:
    """Whether the name ends like that of a picture."""
    return path.suffix.lower() in _BY_SUFFIX


def format_of(path: Path) -> ImageFormat:
    """The format that the name of a file stands for.

    Raises:
        UnsupportedMediaError: It ends like none of them.
    """
    try:
        return _BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        raise UnsupportedMediaError(
            f"{path} does not end like a picture: one of {', '.join(IMAGE_SUFFIXES)}"
        ) from None
