from dataclasses import replace

import numpy as np
import pytest

from realesr.degradation.levels import FIXED_LEVELS, LEVELS, FixedDamage, degrade_fixed
from realesr.degradation.operations import from_levels, resize
from realesr.degradation.pipeline import degrade

ORDER = ("clean", "light", "medium", "heavy")


@pytest.fixture(scope="module")
def hr():
    rng = np.random.default_rng(5)
    coarse = np.kron(rng.integers(40, 216, (12, 16, 3), np.uint8), np.ones((16, 16, 1), np.uint8))
    return from_levels(coarse)


def error(lr, hr):
    height, width = lr.shape[:2]
    return float(np.abs(lr - resize(hr, width, height, "area")).mean())


def test_levels_are_in_order_of_damage(hr):
    means = []
    for level in (*ORDER, "paper"):
        drawn = [degrade(hr, LEVELS[level], np.random.default_rng(i)) for i in range(60)]
        means.append(np.mean([error(lr, hr) for lr in drawn]))
    assert means == sorted(means)


def test_fixed_levels_are_in_order_of_damage(hr):
    errors = [error(degrade_fixed(hr, FIXED_LEVELS[each], scale=4, seed=0), hr) for each in ORDER]
    assert errors == sorted(errors)


def test_fixed_damage_is_fixed_but_for_the_noise(hr):
    heavy = FIXED_LEVELS["heavy"]
    first, again, other = (degrade_fixed(hr, heavy, scale=4, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert first.shape == (48, 64, 3)
    silent = replace(heavy, noise=0.0)
    first, other = (degrade_fixed(hr, silent, scale=4, seed=seed) for seed in (1, 2))
    assert (first == other).all()


@pytest.mark.parametrize("interpolation", ["area", "antialiased", "bilinear", "bicubic"])
def test_every_interpolation_keeps_constants_and_size(interpolation):
    gray = np.full((40, 60, 3), 0.5, np.float32)
    small = degrade_fixed(gray, FixedDamage(interpolation=interpolation), scale=4, seed=0)
    assert small.shape == (10, 15, 3)
    assert np.abs(small - 0.5).max() <= 0.5 / 255 + 1e-6


def test_antialiasing_averages_what_bicubic_picks():
    stripes = np.tile(np.float32([0, 1]), 40)[None, :, None] * np.ones((80, 1, 3), np.float32)
    assert np.abs(resize(stripes, 20, 20, "antialiased") - 0.5).max() < 0.1
    assert np.abs(resize(stripes, 20, 20, "bicubic") - 0.5).max() < 0.6
