"""What the bundled weights must not do: values of versions that did are beyond the limits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from realesr.imaging.image import Image
from realesr.imaging.upscaler import ImageUpscaler
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.media.images.decode import read_image
from realesr.metrics.blocks import color_blocks
from realesr.metrics.lattice import phase_deviation
from realesr.options import UpscaleOptions

ROOT = Path(__file__).parents[3]
INPUTS = [ROOT / "inputs/cat.jpg", ROOT / "inputs/coffee.jpg"]
PHOTO = ("realesr-photo-x4", "realesr-photo-x4-faithful")
DRAWING = ("realesr-anime-x4", "realesr-anime-x4-faithful")


def make(model: str) -> ImageUpscaler:
    options = UpscaleOptions(model_name=model)
    return make_upscaler(options, ensure_files(options))


def upscaled(upscaler: ImageUpscaler, pixels: np.ndarray) -> np.ndarray:
    image = Image(np.ascontiguousarray(pixels))
    return upscaler.upscale_to([image], image.size.scaled(4))[0].pixels


# Before color was fitted: 0.41 and 0.34; 0.45 and 0.47.
@pytest.mark.parametrize(
    ("model", "limit"), [*((name, 0.3) for name in PHOTO), *((name, 0.43) for name in DRAWING)]
)
def test_little_is_left_of_jpegs_blocks_of_color(model: str, limit: float) -> None:
    upscaler, shares = make(model), []
    for path in INPUTS:
        pixels = read_image(path).pixels
        height, width = (4 * side for side in pixels.shape[:2])
        before = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
        after = upscaled(upscaler, pixels)
        shares.append(color_blocks(after, 4).excess / color_blocks(before, 4).excess)
    assert np.mean(shares) < limit


# Before: 4.7 and 3.8 levels; 10.0 and 10.1.
@pytest.mark.parametrize(
    ("model", "limit"), [*((name, 2.5) for name in PHOTO), *((name, 8) for name in DRAWING)]
)
def test_noise_of_color_becomes_less(model: str, limit: float) -> None:
    rng = np.random.default_rng(0)
    even = np.full((96, 96, 3), (150, 140, 110), np.float32)
    pixels = np.clip(even + rng.normal(0, 15, even.shape), 0, 255).astype(np.uint8)
    result = upscaled(make(model), pixels).astype(np.float32)[96:-96, 96:-96]
    chroma = result - result.mean(2, keepdims=True)
    assert chroma.std(axis=(0, 1)).mean() < limit


@pytest.mark.parametrize("model", [*PHOTO, *DRAWING])
def test_an_even_gray_has_no_checkerboard(model: str) -> None:
    upscaler = make(model)
    for level in (30, 120, 210):
        gray = np.full((96, 96, 3), level * 257, np.uint16)
        result = upscaled(upscaler, gray)[144:-144, 144:-144].astype(np.float64) / 257
        assert max(phase_deviation(plane, 4) for plane in np.moveaxis(result, 2, 0)) < 0.1
