"""Noise and block edges are taken out before the network, and nothing else changes."""

import cv2
import numpy as np
import pytest

from realesr.engine.interpolation import Interpolator
from realesr.geometry import Size
from realesr.imaging.cleaning import CleaningUpscaler, deblock, denoise
from realesr.imaging.image import Image
from realesr.loading.build import make_upscaler
from realesr.options import UpscaleOptions


def smooth(dtype=np.uint8):
    small = np.random.default_rng(0).uniform(60, 190, (4, 5, 3)).astype(np.float32)
    large = cv2.resize(small, (60, 48), interpolation=cv2.INTER_CUBIC)
    return np.rint(large * (np.iinfo(dtype).max / 255)).astype(dtype)


def noisy(deviation, dtype=np.uint8):
    peak = np.iinfo(dtype).max
    noise = np.random.default_rng(1).normal(0, deviation * peak / 255, smooth().shape)
    return np.clip(np.rint(smooth(dtype) + noise), 0, peak).astype(dtype)


def error(one, other):
    return float(np.sqrt(np.mean((one.astype(float) - other) ** 2))) / np.iinfo(one.dtype).max * 255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("deviation", [3, 12])
def test_noise_is_removed(dtype, deviation):
    clean = denoise(noisy(deviation, dtype), deviation)
    assert clean.dtype == dtype
    assert error(clean, smooth(dtype)) < 0.6 * deviation


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_edges_of_blocks_become_weaker_and_others_stay(dtype):
    level = np.iinfo(dtype).max // 255
    step = np.full((32, 32, 3), 100, dtype) * level
    step[:, 16:] += 6 * level
    line = np.full((32, 32, 3), 100, dtype) * level
    line[:, 12:] += 6 * level
    after = deblock(step, 1.0)
    assert np.abs(np.diff(after[16, :, 0].astype(int))).max() < 4 * level
    assert (deblock(line, 1.0) == line).all()
    assert error(deblock(step, 0.01), step) == 0


def test_channels_stay_in_place():
    pixels = np.zeros((32, 32, 3), np.uint8) + np.array([200, 100, 20], np.uint8)
    assert (deblock(pixels, 1.0) == pixels).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_and_alpha(dtype):
    gray = np.repeat(noisy(8, dtype)[..., :1], 3, axis=2)
    alpha = np.ascontiguousarray(noisy(40, dtype)[..., 0])
    upscaler = CleaningUpscaler(Interpolator("nearest"), denoise=8, deblock=1)
    (one,) = upscaler.upscale_to([Image(gray, is_gray=True)], Size(60, 48))
    assert one.pixels.dtype == dtype
    assert (one.pixels == one.pixels[..., :1]).all()
    assert error(one.pixels, np.repeat(smooth(dtype)[..., :1], 3, axis=2)) < 5
    (two,) = upscaler.upscale_to([Image(noisy(8, dtype), alpha=alpha)], Size(60, 48))
    assert (two.alpha == alpha).all()


def test_a_single_block_has_no_edges():
    notices = []
    upscaler = CleaningUpscaler(Interpolator("nearest"), denoise=0, deblock=1)
    upscaler.upscale_to([Image(smooth()[:8, :8])], Size(16, 16), notify=notices.append)
    assert [notice.code for notice in notices] == ["option-without-effect"]
    upscaler.upscale_to([Image(smooth()[:8, :9])], Size(18, 16), notify=notices.append)
    assert len(notices) == 1


def test_options_reach_the_upscaler():
    image = Image(noisy(8))
    results = [
        make_upscaler(UpscaleOptions(model_name="nearest", **options), None).upscale_to(
            [image], image.size
        )[0]
        for options in ({}, {"denoise": 8}, {"deblock": 1})
    ]
    assert (results[0].pixels == image.pixels).all()
    assert (results[1].pixels == denoise(image.pixels, 8)).all()
    assert (results[2].pixels == deblock(image.pixels, 1)).all()
