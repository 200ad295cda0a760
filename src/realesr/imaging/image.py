"""An image in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from realesr.geometry import Size

PixelDType = np.dtype[np.unsignedinteger]
"""The dtype of pixels: uint8 or uint16."""
Pixels = NDArray[np.unsignedinteger]
"""An RGB array, (H, W, 3), uint8 or uint16, full range."""
Plane = NDArray[np.unsignedinteger]
"""An array of one channel, (H, W), uint8 or uint16, full range."""

PIXEL_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Metadata of an image.

    Attributes:
        icc: ICC color profile.
        exif: EXIF block: a TIFF stream (``II*`` or ``MM*`` first, no ``Exif`` prefix) whose
            orientation is 1.
        xmp: XMP packet, UTF-8.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.icc or self.exif or self.xmp)


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
