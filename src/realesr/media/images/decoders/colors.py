"""Conversion of printing inks and of Lab to sRGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realesr.imaging.image import Pixels
from realesr.progress import Notice, Notify

Samples = NDArray[np.unsignedinteger]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

_RELATIVE_COLORIMETRIC, _BLACK_POINT_COMPENSATION = 1, 0x2000
"""littleCMS's values: paper becomes white, and the deepest ink black, as image editors do."""
_ICC_SPACE = slice(16, 20)
"""Color space in the header of a profile (ICC.1:2022, section 7.2)."""
_BAND_PIXELS = 2**20

_D50 = np.array([0.9642, 1.0, 0.8249], np.float32)
"""White of Lab in ICC profiles and TIFF (ICC.1:2022, section 6.3.4.3)."""
_XYZ_TO_RGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ],
    np.float32,
)
"""XYZ of D50 to linear sRGB, by Bradford's adaptation (brucelindbloom.com, RGB/XYZ matrices)."""


def cmyk_to_rgb(inks: Samples, icc: bytes | None, notify: Notify) -> Pixels:
    """Converts inks to sRGB: through their profile, or else by the formula without one.

    Args:
        inks: (H, W, 4) cyan, magenta, yellow, black; uint8 or uint16, the peak is full ink.
        icc: The profile of the file.
        notify: Receives a notice about the way that was taken.

    Returns:
        (H, W, 3) of the same dtype.
    """
    if icc and icc[_ICC_SPACE] == b"CMYK":
        import imagecodecs

        try:
            pixels: Pixels = imagecodecs.cms_transform(
                np.ascontiguousarray(inks),
                icc,
                imagecodecs.cms_profile("srgb"),
                colorspace="cmyk",
                outcolorspace="rgb",
                intent=_RELATIVE_COLORIMETRIC,
                flags=_BLACK_POINT_COMPENSATION,
            )
        except (RuntimeError, ValueError):  # the profile is damaged
            pass
        else:
            notify(Notice("color-converted", "CMYK became sRGB through its color profile"))
            return pixels
    notify(
        Notice("color-converted", "CMYK without a usable color profile: its colors are approximate")
    )
    return _by_bands(
        inks, lambda band, peak: (peak - band[..., :3]) * (peak - band[..., 3:]) / peak
    )


def lab_to_rgb(lab: Samples, notify: Notify, *, is_offset: bool = False) -> Pixels:
    """Converts CIE Lab of D50 to sRGB (CIE 15:2004, section 8.2.1; IEC 61966-2-1).

    Args:
        lab: (H, W, 3) as TIFF 6.0, section 23, stores it: lightness over the full range, and a and
            b as signed integers, in 1/256 where there are 16 bits; uint8 or uint16.
        notify: Receives a notice.
        is_offset: Whether a and b are unsigned, with 128 as zero, as in ICC profiles.

    Returns:
        (H, W, 3) of the same dtype.
    """
    notify(Notice("color-converted", "Lab became sRGB; colors outside of sRGB are clipped"))
    unit = 1 if lab.dtype == np.uint8 else 256

    def convert(band: Floats, peak: int) -> Floats:
        lightness = band[..., 0] * (100 / peak)
        chroma = band[..., 1:] - 128 * unit
        if not is_offset:
            chroma = np.where(band[..., 1:] < 128 * unit, band[..., 1:], band[..., 1:] - 256 * unit)
        y = (lightness + 16) / 116
        parts = np.stack([y + chroma[..., 0] / unit / 500, y, y - chroma[..., 1] / unit / 200], -1)
        xyz = np.where(parts > 6 / 29, parts**3, (parts - 4 / 29) * (108 / 841)) * _D50
        linear = np.clip(xyz @ _XYZ_TO_RGB.T, 0, 1)
        encoded: Floats = np.where(
            linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
        )
        return encoded * peak

    return _by_bands(lab, convert)


def _by_bands(samples: Samples, convert: Callable[[Floats, int], Floats]) -> Pixels:
    """Converts an image a few rows at a time, so that its floats take little memory."""
    peak = int(np.iinfo(samples.dtype).max)
    result = np.empty((*samples.shape[:2], 3), samples.dtype)
    for rows in row_bands(*samples.shape[:2]):
        band = convert(samples[rows].astype(np.float32), peak)
        result[rows] = np.clip(np.rint(band), 0, peak)
    return result


def row_bands(height: int, width: int) -> Iterator[slice]:
    """Cuts an image into slices of rows of about a megapixel each."""
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        yield slice(top, top + rows)
