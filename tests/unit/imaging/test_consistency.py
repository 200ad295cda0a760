"""Consistency: detail of a clean input comes back, noise does not."""

import cv2
import numpy as np
import pytest

from realesr.imaging import consistency
from realesr.imaging.consistency import make_consistent, solve

SCALE = 4


def scene(height=160, width=192, seed=0):
    """Even areas with sharp edges and a few textures, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 90, np.uint8)
    for _ in range(12):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        color = tuple(int(level) for level in rng.integers(30, 225, 3))
        cv2.circle(image, center, int(rng.integers(8, 30)), color, -1, cv2.LINE_AA)
    return image


def reduced(image, scale=SCALE):
    size = (image.shape[1] // scale, image.shape[0] // scale)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def softened(image, sigma=2.5):
    """What a network that smooths too much would give."""
    return cv2.GaussianBlur(image, (0, 0), sigma)


def noisy(image, deviation, seed=1):
    noise = np.random.default_rng(seed).normal(0, deviation, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def error_of(first, second):
    """The error of luma, as the root of the mean square."""
    return np.sqrt(np.square((first.astype(float) - second) @ (0.299, 0.587, 0.114)).mean())


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_differences_fall_with_every_iteration_and_end_in_the_tolerance(scale):
    rng = np.random.default_rng(scale)
    difference = cv2.GaussianBlur(rng.normal(0, 30, (24, 20)).astype(np.float32), (0, 0), 0.7)
    tolerance = np.full_like(difference, 1.5)
    kernel = consistency._round_trip(scale)
    excess = []
    for iterations in (0, 1, 2, 4, 8, 16, 64):
        found = solve(difference, tolerance, scale, iterations)
        back = cv2.sepFilter2D(found, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
        excess.append(np.maximum(np.abs(difference - back) - tolerance, 0).mean())
    assert excess == sorted(excess, reverse=True)
    assert excess[-1] < 0.01 * excess[0]


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_filter_is_an_upscaling_that_is_reduced(scale):
    values = np.random.default_rng(0).normal(0, 9, (11, 13)).astype(np.float32)
    large = cv2.resize(values, (13 * scale, 11 * scale), interpolation=cv2.INTER_CUBIC)
    expected = large.reshape(11, scale, 13, scale).mean((1, 3))
    kernel = consistency._round_trip(scale)
    found = cv2.sepFilter2D(values, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_detail_of_a_clean_input_comes_back(dtype):
    truth = scene()
    lr = reduced(truth)
    factor = np.iinfo(dtype).max // 255
    sr = softened(truth).astype(dtype) * dtype(factor)
    before = error_of(sr / factor, truth)
    assert make_consistent(sr, lr, 1.0) == 1
    assert sr.dtype == dtype
    after = error_of(sr / factor, truth)
    assert after < 0.75 * before
    assert error_of(reduced((sr / factor).astype(np.float32)), lr) < 1.5


@pytest.mark.parametrize("deviation", [1, 4, 8])
def test_noise_of_the_input_does_not_come_back(deviation, monkeypatch):
    """A perfect network has removed it: whatever comes back is wrong."""
    truth = scene()
    lr = noisy(reduced(truth), deviation)
    sr, dull = truth.copy(), truth.copy()
    share = make_consistent(sr, lr, 1.0)
    assert share == {1: 1, 4: 0, 8: 0}[deviation]
    assert error_of(sr, truth) < 0.2 * deviation
    for name, value in (("_TOLERANCE", 0.0), ("_CLEAN", 98.0), ("_NOISY", 99.0)):
        monkeypatch.setattr(consistency, name, value)
    make_consistent(dull, lr, 1.0)
    assert error_of(dull, truth) > 0.4 * deviation  # the test can fail


def test_the_share_has_no_step():
    """It would flicker in a video."""
    shares = [consistency._share_of(noise) for noise in np.arange(0, 5, 0.01)]
    assert shares[0] == 1
    assert shares[-1] == 0
    assert np.abs(np.diff(shares)).max() < 0.02


def test_halved_color_of_the_input_does_not_blur_that_of_the_result():
    """JPEG and video store color at half the size; the network has made it sharp."""
    truth = scene()
    stored = cv2.cvtColor(reduced(truth), cv2.COLOR_RGB2YCrCb)
    small = cv2.resize(stored[..., 1:], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    stored[..., 1:] = cv2.resize(small, stored.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    result = truth.copy()
    make_consistent(result, cv2.cvtColor(stored, cv2.COLOR_YCrCb2RGB), 1.0)
    colors = [cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb)[..., 1:] for each in (truth, result)]
    assert np.abs(colors[0].astype(int) - colors[1]).mean() < 0.2


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_bands_do_not_show(monkeypatch, rows):
    truth = scene(240, 60)
    lr, whole = noisy(reduced(truth), 1.0), softened(truth)
    banded = whole.copy()
    make_consistent(whole, lr, 0.8)
    monkeypatch.setattr("realesr.imaging.consistency._BAND_ROWS", rows)
    make_consistent(banded, lr, 0.8)
    assert np.abs(whole.astype(int) - banded).max() <= 1
    assert (whole != banded).mean() < 1e-3


def test_the_amount_is_a_share_of_the_correction():
    truth = scene()
    lr, base = reduced(truth), softened(truth)
    results = []
    for amount in (0.0, 0.5, 1.0):
        results.append(base.copy())
        make_consistent(results[-1], lr, amount)
    assert (results[0] == base).all()
    middle = (results[0].astype(float) + results[2]) / 2
    assert np.abs(results[1] - middle).mean() < 1


def test_invisible_places_say_nothing_about_noise():
    truth = scene()
    lr = noisy(reduced(truth), 6)
    alpha = np.zeros(lr.shape[:2], np.uint8)
    alpha[:, :12] = 255
    lr[:, 12:] = reduced(truth)[:, 12:]
    assert make_consistent(truth.copy(), lr, 1.0) == 1
    assert make_consistent(truth.copy(), lr, 1.0, alpha=alpha) == 0
    make_consistent(truth.copy(), lr, 1.0, alpha=np.zeros_like(alpha))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 3), (70, 1)])
def test_any_size(size):
    lr = np.full((*size, 3), 77, np.uint8)
    sr = np.full((size[0] * 4, size[1] * 4, 3), 80, np.uint8)
    make_consistent(sr, lr, 1.0)
    assert np.abs(sr.astype(int) - 80).max() <= 3
