from dataclasses import replace

import numpy as np
import pytest

from realesr.degradation.pipeline import (
    SECOND_STAGE,
    DegradationConfig,
    StageConfig,
    degrade,
    random_kernel,
)


@pytest.fixture
def hr():
    rng = np.random.default_rng(5)
    coarse = rng.random((9, 12, 3), dtype=np.float32)
    return np.kron(coarse, np.ones((8, 8, 1), np.float32))


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_size_type_and_range(hr, scale):
    for seed in range(20):
        lr = degrade(hr, DegradationConfig(scale=scale), np.random.default_rng(seed))
        assert lr.shape == (72 // scale, 96 // scale, 3)
        assert lr.dtype == np.float32
        levels = lr * 255
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
        assert lr.min() >= 0
        assert lr.max() <= 1


def test_all_randomness_comes_from_the_generator(hr):
    first, again, other = (
        degrade(hr, DegradationConfig(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_no_damage_is_nearly_plain_reduction(hr):
    none = StageConfig(
        blur_probability=0,
        resize_probabilities=(0, 0, 1),
        gaussian_probability=1,
        gaussian_sigma=(0, 0),
        jpeg_quality=(100, 100),
    )
    config = DegradationConfig(first=none, second_probability=0, final_sinc_probability=0)
    gray = np.repeat(hr[..., :1], 3, axis=2)  # JPEG halves the resolution of color
    lr = degrade(gray, config, np.random.default_rng(3))
    assert np.abs(lr - gray[2::4, 2::4]).mean() < 0.02


def test_each_round_does_damage(hr):
    """Harsher ranges of either round take the result farther from the clean image."""

    def error(config):
        lrs = [degrade(hr, config, np.random.default_rng(seed)) for seed in range(30)]
        return np.mean([np.abs(lr - hr[2::4, 2::4]).mean() for lr in lrs])

    mild = StageConfig(sigma=(0.2, 0.3), gaussian_sigma=(0, 1), poisson_scale=(0, 0.1))
    mild = replace(mild, jpeg_quality=(95, 95), resize_probabilities=(0, 0, 1))
    gentle = DegradationConfig(first=mild, second=mild, final_sinc_probability=0)
    assert error(replace(gentle, second=SECOND_STAGE)) > 1.3 * error(gentle)
    assert error(replace(gentle, first=StageConfig())) > 1.3 * error(gentle)


def test_sizes_off_the_scale_are_refused():
    with pytest.raises(ValueError, match="10x12"):
        degrade(np.zeros((12, 10, 3), np.float32), DegradationConfig(), np.random.default_rng(0))


def test_kernels_are_of_every_family():
    rng = np.random.default_rng(0)
    drawn = [random_kernel(StageConfig(), rng) for _ in range(300)]
    assert {k.shape[0] for k in drawn} == {7, 9, 11, 13, 15, 17, 19, 21}
    ringing = sum(k.min() < -1e-3 for k in drawn)
    assert 10 < ringing < 60
    isotropic = sum(np.allclose(k, k.T, atol=1e-6) for k in drawn)
    assert 150 < isotropic < 280
