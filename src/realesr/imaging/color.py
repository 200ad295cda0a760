"""What a file says about the meaning of its pixel values, apart from an ICC profile.

Pixels are never converted: a description only travels beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

UNSPECIFIED = 2
"""Code point of ITU-T H.273 for primaries, transfer and matrix that are not known."""
SRGB_TRANSFER = 13
"""Transfer characteristics of sRGB (ITU-T H.273, table 3)."""
BT709_PRIMARIES = 1
"""Primaries of BT.709 and sRGB (ITU-T H.273, table 2)."""

_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of HDR (ITU-T H.273, table 3)."""


@dataclass(frozen=True, slots=True)
class Cicp:
    """Coding-independent code points (ITU-T H.273) of RGB or gray pixels.

    Attributes:
        primaries: Color primaries (table 2).
        transfer: Transfer characteristics (table 3).
        is_full_range: Whether black is 0 and white the largest value; else they are video levels.
    """

    primaries: int
    transfer: int
    is_full_range: bool = True

    @property
    def hdr(self) -> str | None:
        """``PQ`` or ``HLG``; None for a transfer of SDR."""
        return _HDR_TRANSFERS.get(self.transfer)

    @property
    def is_srgb(self) -> bool:
        """Whether the code points say what untagged images are taken for."""
        return self == Cicp(BT709_PRIMARIES, SRGB_TRANSFER)

    @property
    def is_known(self) -> bool:
        """Whether primaries or transfer are specified."""
        return self.primaries != UNSPECIFIED or self.transfer != UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Chromaticities:
    """CIE 1931 chromaticities x, y in units of 0.00001, as in PNG's ``cHRM``."""

    white: tuple[int, int]
    red: tuple[int, int]
    green: tuple[int, int]
    blue: tuple[int, int]


D65 = (31270, 32900)
"""Chromaticity of the white of sRGB, in units of 0.00001."""
SRGB_CHROMATICITIES = Chromaticities(D65, (64000, 33000), (30000, 60000), (15000, 6000))
ADOBE_RGB_CHROMATICITIES = Chromaticities(D65, (64000, 33000), (21000, 71000), (15000, 6000))
"""Adobe RGB (1998) Color Image Encoding, 4.3.1.1."""
ADOBE_RGB_GAMMA = 256 / 563
"""Exponent of its encoding: 1 / 2.19921875 (Adobe RGB (1998) Color Image Encoding, 4.3.1.2)."""


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """Display that an HDR image was made on (SMPTE ST 2086).

    Attributes:
        red: Chromaticity x, y in units of 0.00002; so are the next three.
        green: See there.
        blue: See there.
        white: See there.
        max_luminance: Luminance of white, 0.0001 cd/m2.
        min_luminance: Luminance of black, 0.0001 cd/m2.
    """

    red: tuple[int, int]
    green: tuple[int, int]
    blue: tuple[int, int]
    white: tuple[int, int]
    max_luminance: int
    min_luminance: int


@dataclass(frozen=True, slots=True)
class ContentLight:
    """Light level of an HDR image (CTA-861.3), both in 0.0001 cd/m2.

    Attributes:
        max_content: Of the lightest pixel.
        max_average: Average of the image.
    """

    max_content: int
    max_average: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorDescription:
    """Statements about color beside the ICC profile; the first that is present counts.

    Attributes:
        cicp: Code points. They count before a profile.
        is_adobe_rgb: Whether EXIF says Adobe RGB.
        srgb_intent: Rendering intent, 0 to 3, of an image that says to be sRGB.
        gamma: Exponent of the encoding, output = light ** gamma, in units of 0.00001.
        chromaticities: White and primaries that belong to ``gamma``.
        mastering: Display that an HDR image was made on.
        light: Light level of an HDR image.
    """

    cicp: Cicp | None = None
    is_adobe_rgb: bool = False
    srgb_intent: int | None = None
    gamma: int | None = None
    chromaticities: Chromaticities | None = None
    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None

    def __bool__(self) -> bool:
        return self != ColorDescription()

    @property
    def hdr(self) -> str | None:
        """``PQ`` or ``HLG``; None for SDR."""
        return self.cicp.hdr if self.cicp else None

    @property
    def is_srgb(self) -> bool:
        """Whether it says no more than an image without any description."""
        if self.cicp:
            return self.cicp.is_srgb
        if self.is_adobe_rgb:
            return False
        return self.srgb_intent is not None or (self.gamma is None and self.chromaticities is None)
