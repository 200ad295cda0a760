"""The color of a JPEG: fewer blocks, a smaller error, and nothing that the file rules out."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.imaging.jpeg_color import SHARE, ChromaCoding, smooth_chroma
from realesr.metrics.blocks import color_blocks

PILLOW_SUBSAMPLING = {(1, 1): 0, (2, 1): 1, (2, 2): 2}


def scene(height=160, width=224, seed=3):
    """Soft areas of color with edges that the luma has, too, and a gradient."""
    rng = np.random.default_rng(seed)
    image = np.empty((height, width, 3), np.float32)
    image[:] = np.linspace(60, 190, width)[None, :, None] * np.array((1.0, 0.9, 0.7))
    for _ in range(14):
        center = tuple(int(rng.integers(0, side)) for side in (width, height))
        color = tuple(float(each) for each in rng.uniform(30, 220, 3))
        cv2.circle(image, center, int(rng.integers(8, 40)), color, -1, cv2.LINE_AA)
    image += rng.normal(0, 1.5, (height, width, 1))
    return np.clip(np.rint(cv2.GaussianBlur(image, (0, 0), 0.8)), 0, 255).astype(np.uint8)


def coded(image, quality, factors=(2, 2)):
    """The decoded JPEG of an image, and how its chroma is stored."""
    stream = io.BytesIO()
    subsampling = PILLOW_SUBSAMPLING[factors]
    PillowImage.fromarray(image).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    file = PillowImage.open(stream)
    steps = np.array(file.quantization[1], np.float32).reshape(8, 8)
    return np.asarray(file.convert("RGB")), ChromaCoding(steps, *factors)


def ycc(image):
    red, green, blue = np.moveaxis(image.astype(np.float64), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, (blue - luma) / 1.772, (red - luma) / 1.402


def color_error(image, original):
    return np.mean([(a - b) ** 2 for a, b in zip(ycc(image)[1:], ycc(original)[1:], strict=True)])


@pytest.mark.parametrize("factors", PILLOW_SUBSAMPLING)
@pytest.mark.parametrize("quality", [20, 40])
def test_blocks_go_and_the_error_of_color_falls(quality, factors):
    original = scene()
    decoded, coding = coded(original, quality, factors)
    smoothed = smooth_chroma(decoded, coding, coding)
    side = 8 * max(factors)
    clean, before, after = (
        color_blocks(each, 1, side).excess for each in (original, decoded, smoothed)
    )
    assert after - clean < (0.5 if side > 8 else 0.7) * (before - clean)
    assert color_error(smoothed, original) < 0.97 * color_error(decoded, original)
    inside = (smoothed > 0) & (smoothed < 255)
    luma = np.abs(ycc(smoothed)[0] - ycc(decoded)[0])[inside.all(axis=2)]
    assert luma.max() < 0.51


def test_coefficients_stay_near_those_of_the_file():
    """At 4:4:4, where samples are pixels; rounding to levels may add half a level to each."""
    decoded, coding = coded(scene(), 15, (1, 1))
    smoothed = smooth_chroma(decoded, coding, coding)
    inside = ((smoothed > 0) & (smoothed < 255)).all(axis=2)
    limits = SHARE * coding.steps + 2.0
    found = 0
    for before, after in zip(ycc(decoded)[1:], ycc(smoothed)[1:], strict=True):
        for top in range(0, decoded.shape[0], 8):
            for left in range(0, decoded.shape[1], 8):
                block = np.s_[top : top + 8, left : left + 8]
                if inside[block].all():
                    assert (np.abs(cv2.dct((after - before)[block])) <= limits).all()
                    found += 1
    assert found > 500
    assert np.abs(smoothed.astype(int) - decoded).max() > 4


@pytest.mark.parametrize(("quality", "is_changed"), [(95, False), (85, True)])
def test_fine_quantization_is_left_alone(quality, is_changed):
    decoded, coding = coded(scene(), quality)
    smoothed = smooth_chroma(decoded, coding, coding)
    assert (smoothed is not decoded) == is_changed
    assert np.abs(smoothed.astype(int) - decoded).max() < 16


@pytest.mark.parametrize(
    "factors",
    [((2, 2), (2, 2)), ((1, 1), (1, 1)), ((1, 2), (1, 2)), ((2, 2), (1, 1)), ((4, 1), (4, 1))],
)
@pytest.mark.parametrize("size", [(1, 1), (3, 50), (67, 1), (301, 75)])
def test_bands_do_not_show(monkeypatch, factors, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 2).reshape(image.shape)
    steps = np.full((8, 8), 40, np.float32)
    codings = [ChromaCoding(steps, *each) for each in factors]
    whole = smooth_chroma(image, *codings)
    monkeypatch.setattr("realesr.imaging.jpeg_color._BAND", 1)
    assert (smooth_chroma(image, *codings) == whole).all()
    assert whole.shape == image.shape
