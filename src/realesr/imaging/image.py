"""An image in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from realesr.geometry import Size
from realesr.imaging.color import ColorDescription

PixelDType = np.dtype[np.unsignedinteger]
"""The dtype of pixels: uint8 or uint16."""
Pixels = NDArray[np.unsignedinteger]
"""An RGB array, (H, W, 3), uint8 or uint16, full range."""
Plane = NDArray[np.unsignedinteger]
"""An array of one channel, (H, W), uint8 or uint16, full range."""

PIXEL_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


@dataclass(frozen=True, slots=True)
class Text:
    """A text with a keyword, as in PNG.

    Attributes:
        keyword: Its subject, 1 to 79 characters of Latin-1.
        value: The text.
        language: Its language (RFC 3066), or empty.
        translated: The keyword in that language, or empty.
    """

    keyword: str
    value: str
    language: str = ""
    translated: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Pixels per length, which says how large an image is printed.

    Attributes:
        x: Pixels per unit to the right.
        y: Pixels per unit downwards.
        unit: ``m``, ``cm`` or ``inch``; empty if only the aspect of a pixel is known, which is
            ``y`` wide and ``x`` high.
    """

    x: float
    y: float
    unit: str = "inch"

    def per(self, unit: str) -> tuple[float, float]:
        """Returns ``x`` and ``y`` for another unit; the own numbers if no unit is known."""
        if not self.unit or unit == self.unit:
            return self.x, self.y
        factor = _METERS[unit] / _METERS[self.unit]
        return self.x * factor, self.y * factor


_METERS = {"m": 1.0, "cm": 0.01, "inch": 0.0254}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Metadata of an image.

    Attributes:
        icc: ICC color profile.
        exif: EXIF block: a TIFF stream (``II*`` or ``MM*`` first, no ``Exif`` prefix) whose
            orientation is 1.
        xmp: XMP packet, UTF-8.
        iptc: IPTC-IIM records.
        color: What else the file says about its colors.
        resolution: Resolution that the file states outside of EXIF, or in EXIF alone.
        texts: Texts with keywords.
        comments: Comments without keywords; their encoding is not known.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    color: ColorDescription = field(default_factory=ColorDescription)
    resolution: Resolution | None = None
    texts: tuple[Text, ...] = ()
    comments: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return self != Metadata()


@dataclass(frozen=True, slots=True)
class Image:
    """An upright image.

    Attributes:
        pixels: (H, W, 3) RGB, uint8 or uint16, full range.
        is_gray: Whether the image has one channel; then the three of ``pixels`` are equal.
        alpha: (H, W) alpha of the same dtype, not premultiplied; None if the image is opaque.
        metadata: Metadata that is carried from input to output.

    Raises:
        ValueError: An array has another shape or dtype.
    """

    pixels: Pixels
    is_gray: bool = False
    alpha: Plane | None = field(default=None, kw_only=True)
    metadata: Metadata = field(default_factory=Metadata, kw_only=True)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or not self.pixels.size:
            raise ValueError(f"pixels must be (H, W, 3), not {self.pixels.shape}")
        if self.pixels.dtype not in PIXEL_DTYPES:
            raise ValueError(f"pixels must be uint8 or uint16, not {self.pixels.dtype}")
        if self.alpha is not None and (
            self.alpha.shape != self.pixels.shape[:2] or self.alpha.dtype != self.pixels.dtype
        ):
            raise ValueError(
                f"alpha must be {self.pixels.shape[:2]} {self.pixels.dtype}, "
                f"not {self.alpha.shape} {self.alpha.dtype}"
            )

    @property
    def size(self) -> Size:
        """Width and height, px."""
        height, width = self.pixels.shape[:2]
        return Size(width, height)

    @property
    def peak(self) -> int:
        """Value of white and of opaque: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)
