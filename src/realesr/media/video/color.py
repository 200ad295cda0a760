"""Color tags of videos, and ffmpeg's filters that convert by them.

Code points are those of ITU-T H.273, which files, PyAV and ffmpeg share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from realesr.errors import UnsupportedMediaError
from realesr.geometry import Size

UNSPECIFIED = 2
RGB = 0
_MATRICES = {
    # H.273 table 4: ffmpeg's name of the tag, and its scaler's name of the matrix
    1: ("bt709", "bt709"),
    4: ("fcc", "fcc"),
    5: ("bt470bg", "bt601"),
    6: ("smpte170m", "bt601"),
    7: ("smpte240m", "smpte240m"),
    9: ("bt2020nc", "bt2020"),
}
_PRIMARIES = {
    # H.273 table 2, by the names of ffmpeg's filter setparams
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "jedec-p22",
}
_TRANSFERS = {
    # H.273 table 3, by the names of the same filter
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
_PQ, _HLG = 16, 18
_HD = Size(1280, 576)
"""Video as wide as this, or higher, is assumed to be BT.709 if untagged, and else BT.601."""
SCALER_FLAGS = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
"""Flags of ffmpeg's scaler. Without the middle two its conversion is up to 3 levels off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorTags:
    """The relation between the numbers of a pixel and its color.

    Attributes:
        matrix: H.273 matrix coefficients.
        primaries: H.273 color primaries.
        transfer: H.273 transfer characteristics.
        is_full: Whether values take the full range of their bits.
    """

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    is_full: bool = False

    def completed(self, size: Size) -> Self:
        """Fills in an unspecified matrix with the one that players assume for this frame size.

        BT.709 for HD, else BT.601. Upscaling changes the size, so the output must state it.
        """
        if self.matrix != UNSPECIFIED:
            return self
        is_hd = size.width >= _HD.width or size.height > _HD.height
        return replace(self, matrix=1 if is_hd else 6)

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer is that of PQ or HLG."""
        return self.transfer in (_PQ, _HLG)

    @property
    def range(self) -> str:
        """Ffmpeg's name of the range: ``pc`` or ``tv``."""
        return "pc" if self.is_full else "tv"

    @property
    def scaler_matrix(self) -> str:
        """The name of the matrix in ffmpeg's scaler.

        Raises:
            UnsupportedMediaError: The scaler does not know the matrix.
        """
        try:
            return _MATRICES[self.matrix][1]
        except KeyError:
            raise UnsupportedMediaError(
                f"its color matrix, number {self.matrix} of H.273, is not converted: convert the "
                "video to BT.709 first"
            ) from None

    def to_rgb(self, pixel_format: str, *, is_rgb: bool) -> str:
        """Returns the filter that converts decoded frames to full-range RGB."""
        options = f"out_range=pc:flags={SCALER_FLAGS}"
        if not is_rgb:
            options = f"in_color_matrix={self.scaler_matrix}:in_range={self.range}:{options}"
        return f"scale={options},format={pixel_format}"

    def from_rgb(self, pixel_format: str, *, is_rgb: bool) -> str:
        """Returns the filter that converts full-range RGB back and tags the result."""
        matrix, range_, convert = "gbr", "pc", "in_range=pc:out_range=pc"
        if not is_rgb:
            matrix, range_ = _MATRICES[self.matrix][0], self.range
            convert = f"in_range=pc:out_color_matrix={self.scaler_matrix}:out_range={range_}"
        return (
            f"scale={convert}:flags={SCALER_FLAGS},format={pixel_format},"
            f"setparams=range={range_}:colorspace={matrix}:"
            f"color_primaries={_PRIMARIES.get(self.primaries, 'unknown')}:"
            f"color_trc={_TRANSFERS.get(self.transfer, 'unknown')}"
        )
