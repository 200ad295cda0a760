from dataclasses import replace

import numpy as np
import pytest

from realesr.degradation.levels import LEVELS
from realesr.degradation.pipeline import (
    SECOND_STAGE,
    DegradationConfig,
    StageConfig,
    degrade,
    draw_steps,
    random_blur,
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
    drawn = [random_blur(StageConfig(), rng).kernel for _ in range(300)]
    assert {k.shape[0] for k in drawn} == {7, 9, 11, 13, 15, 17, 19, 21}
    ringing = sum(k.min() < -1e-3 for k in drawn)
    assert 10 < ringing < 60
    isotropic = sum(np.allclose(k, k.T, atol=1e-6) for k in drawn)
    assert 150 < isotropic < 280


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_order_is_the_number_of_rounds(order):
    every = StageConfig(blur_probability=1, noise_probability=1, resize_probabilities=(0, 0, 1))
    config = DegradationConfig(order=order, first=every, second=every, final_sinc_probability=0)
    steps = list(draw_steps(256, 512, config, np.random.default_rng(0)))
    counts = {title: sum(s.title == title for s in steps) for title in ("blur", "noise", "JPEG")}
    assert counts == {"blur": order, "noise": order, "JPEG": order}
    heights = [s.height for s in steps if s.title == "resize"]
    # from the size of the clean image to that of the result in equal ratios, and the last resize
    ratios = [1] if order == 1 else [4 ** (k / (order - 1)) for k in range(order)]
    assert heights == [*(round(512 / ratio) for ratio in ratios), 128]


def test_later_rounds_have_a_chance_each():
    config = DegradationConfig(order=3, second_probability=0.5)
    rounds = []
    for seed in range(300):
        steps = draw_steps(64, 64, config, np.random.default_rng(seed))
        rounds.append(sum(step.title == "noise" for step in steps))
    assert [round(rounds.count(n) / 300, 1) for n in (1, 2, 3)] == pytest.approx(
        [0.25, 0.5, 0.25], abs=0.1
    )


def test_the_classical_model_has_one_round_and_no_ringing():
    for seed in range(50):
        steps = list(draw_steps(64, 64, LEVELS["classical"], np.random.default_rng(seed)))
        assert [s.title for s in steps if s.title != "clamp"] in (
            ["blur", "resize", "noise", "JPEG", "resize"],
            ["blur", "resize", "noise", "resize", "JPEG"],
        )
        assert "sinc" not in str(steps[0])


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("level", ["camera", "compressed", "noisy"])
def test_noise_and_jpeg_of_a_camera_are_those_of_the_small_image(hr, level, scale):
    config = replace(LEVELS[level], scale=scale)
    small = hr.shape[0] // scale, hr.shape[1] // scale
    seen = set()

    def observe(step, image):
        if step.title in ("noise", "JPEG"):
            seen.add(step.title)
            assert image.shape[:2] == small

    for seed in range(20):
        degrade(hr, config, np.random.default_rng(seed), observe=observe)
    assert seen == {"noise", "JPEG"}


def test_an_observer_sees_every_step_and_changes_nothing(hr):
    seen = []
    observed = degrade(
        hr,
        DegradationConfig(),
        np.random.default_rng(4),
        observe=lambda step, image: seen.append((str(step), image.shape)),
    )
    assert (observed == degrade(hr, DegradationConfig(), np.random.default_rng(4))).all()
    assert seen[-1][1] == observed.shape
    assert all(text for text, _ in seen)
