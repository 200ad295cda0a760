import cv2
import numpy as np
import pytest

from realesr.degradation.operations import from_levels, jpeg, quantize
from realesr.metrics.blocks import color_blocks


def colors(size: int = 160) -> np.ndarray:
    """Smooth clouds of color, (size, size, 3)."""
    field = np.random.default_rng(1).normal(0, 1, (size, size, 3))
    smooth = cv2.GaussianBlur(field, (0, 0), 20)
    return np.clip(128 + 25 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def upscaled(image: np.ndarray, scale: int) -> np.ndarray:
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("scale", [1, 4])
def test_tells_jpeg_from_what_it_was_made_of(scale: int) -> None:
    image = colors()
    damaged = quantize(jpeg(from_levels(image), 20))
    clean, blocky = (color_blocks(upscaled(each, scale), scale) for each in (image, damaged))
    assert clean.ratio == pytest.approx(1, abs=0.1)
    assert abs(clean.excess) < 0.3
    assert blocky.ratio > 2
    assert blocky.excess > 3 * clean.excess


def test_gray_blocks_and_other_borders_do_not_count() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (10, 10))
    gray = np.repeat(np.kron(levels, np.ones((16, 16)))[..., None], 3, axis=2).astype(np.uint8)
    assert abs(color_blocks(gray, 1).excess) < 1e-6
    moved = np.roll(upscaled(quantize(jpeg(from_levels(colors()), 20)), 4), (20, 20), (0, 1))
    assert color_blocks(moved, 4).excess < 0


def test_depth_does_not_matter() -> None:
    image = quantize(jpeg(from_levels(colors()), 30))
    deep = image.astype(np.uint16) * 257
    assert color_blocks(deep, 1).excess == pytest.approx(color_blocks(image, 1).excess)


def test_constant_and_small_images() -> None:
    assert color_blocks(np.full((32, 32, 3), 9, np.uint8), 1).ratio == 1
    with pytest.raises(ValueError, match="no border"):
        color_blocks(np.zeros((64, 64, 3), np.uint8), 4)
