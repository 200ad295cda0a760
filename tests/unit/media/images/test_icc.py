import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from realesr.imaging.color import (
    D65,
    SRGB_CHROMATICITIES,
    Chromaticities,
    Cicp,
    ColorDescription,
)
from realesr.media.images.icc import cicp_of, profile_of

DISPLAY_P3 = Chromaticities(D65, (68000, 32000), (26500, 69000), (15000, 6000))
RAMPS = np.stack([np.eye(3)[i] * np.arange(256)[:, None] for i in range(3)]).astype(np.uint8)


def converted(pixels, icc, mode="RGB"):
    """To sRGB by littleCMS, relative colorimetric."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    image = PillowImage.fromarray(pixels)
    result = ImageCms.profileToProfile(
        image, profile, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )  # fmt: skip
    return np.asarray(result).astype(int)


def srgb_of(linear):
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(np.clip(curve, 0, 1) * 255)


def test_the_primaries_and_curve_of_srgb_give_srgb():
    icc = profile_of(ColorDescription(chromaticities=SRGB_CHROMATICITIES), is_gray=False)
    assert np.abs(converted(RAMPS, icc) - RAMPS).max() <= 1


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize(
    ("color", "light"),
    [
        (ColorDescription(gamma=100_000), lambda v: v),
        (ColorDescription(gamma=45_455, chromaticities=SRGB_CHROMATICITIES), lambda v: v**2.2),
        (ColorDescription(is_adobe_rgb=True), lambda v: v ** (563 / 256)),
        (ColorDescription(cicp=Cicp(9, 8)), lambda v: v),
        (ColorDescription(cicp=Cicp(12, 4)), lambda v: v**2.2),
        (
            ColorDescription(cicp=Cicp(1, 1)),
            lambda v: np.where(v < 0.081, v / 4.5, ((v + 0.0993) / 1.0993) ** (1 / 0.45)),
        ),
    ],
)
def test_gray_has_the_light_that_was_described(color, light, gray):
    """Neutral pixels: primaries do not matter, and white stays white.

    littleCMS takes few samples of the curve of a gray image, too few for its dark levels.
    """
    levels = np.arange(256, dtype=np.uint8)[None]
    pixels = levels if gray else np.repeat(levels[..., None], 3, axis=2)
    result = converted(pixels, profile_of(color, is_gray=gray))
    difference = np.abs(result[0, :, 1] - srgb_of(light(levels[0] / 255)))
    assert (difference[40:] if gray else difference).max() <= 1


def test_primaries_are_those_described():
    """A color inside of sRGB, once in sRGB and once by hand in P3."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
    p3_to_xyz = np.array([[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869],
                          [0.0, 0.0451134, 1.0439444]])  # fmt: skip
    linear = np.linalg.inv(to_xyz) @ p3_to_xyz @ (np.array([120, 160, 90]) / 255) ** 2.2
    pixel = np.full((1, 1, 3), (120, 160, 90), np.uint8)
    for color in (
        ColorDescription(cicp=Cicp(12, 4)),
        ColorDescription(gamma=45_455, chromaticities=DISPLAY_P3),
    ):
        result = converted(pixel, profile_of(color, is_gray=False))
        assert np.abs(result[0, 0] - srgb_of(linear)).max() <= 1


@pytest.mark.parametrize(
    "color",
    [
        ColorDescription(),
        ColorDescription(srgb_intent=0, gamma=45_455),
        ColorDescription(cicp=Cicp(1, 13)),  # what untagged images are taken for
        ColorDescription(cicp=Cicp(2, 2)),
        ColorDescription(cicp=Cicp(9, 1, is_full_range=False)),
        ColorDescription(cicp=Cicp(9, 9)),
        ColorDescription(cicp=Cicp(200, 13)),
    ],
)
def test_nothing_is_made_where_there_is_nothing_to_say_or_no_way_to_say_it(color):
    assert profile_of(color, is_gray=False) is None


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_inside_of_the_profile(transfer):
    cicp = Cicp(9, transfer)
    icc = profile_of(ColorDescription(cicp=cicp), is_gray=False)
    assert cicp_of(icc) == cicp
    assert (np.diff(converted(RAMPS, icc)[0, :, 0]) >= 0).all()


def test_damaged_profiles_have_no_code_points():
    icc = profile_of(ColorDescription(cicp=Cicp(9, 16)), is_gray=False)
    for length in (0, 100, 130, 140, 200, len(icc) - 20):
        assert cicp_of(icc[:length]) in (None, Cicp(9, 16))
