"""Classical reconstruction: it converges, and comes nearer to the original than a filter."""

import numpy as np
import pytest

from realesr.engine.interpolation import Interpolator
from realesr.engine.reconstruction import Reconstructor
from realesr.geometry import Size
from realesr.imaging.backprojection import reduced_again, reduction, sharpened
from realesr.imaging.image import Image
from realesr.imaging.matlab import imresize
from realesr.imaging.resize import upscale_values
from realesr.imaging.total_variation import upscale_plane
from realesr.media.images.decode import read_image
from realesr.metrics.psnr import psnr

from support.networks import random_image
from support.paths import shared


def scene(height=96, width=120):
    """Discs and stripes with soft edges, (H, W, 3) uint8."""
    y, x = np.mgrid[:height, :width].astype(float)
    discs = sum(
        level / (1 + np.exp(np.hypot(y - top, x - left) - radius))
        for top, left, radius, level in ((30, 40, 18, 90), (60, 80, 25, -70), (20, 100, 10, 60))
    )
    gray = 110 + discs + 20 * np.sin((x + y) / 4) * (y > 70)
    return np.clip(np.rint(np.stack((gray, gray * 0.9, 255 - gray), axis=2)), 0, 255).astype(
        np.uint8
    )


def reduced_image(truth, scale=4):
    return imresize(truth, truth.shape[1] // scale, truth.shape[0] // scale)


def upscaled(method, lr, scale=4):
    image = Image(np.ascontiguousarray(lr))
    maker = Interpolator(method) if method == "bicubic" else Reconstructor(method)
    return maker.upscale_to([image], image.size.scaled(scale))[0].pixels


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_back_projection_converges_to_the_input(scale):
    plane = random_image(40, 30).pixels[..., 0].astype(np.float32) / 255
    rests = [
        np.abs(plane - reduced_again(sharpened(plane, scale, steps), scale)).mean()
        for steps in (0, 1, 2, 5, 10, 40)
    ]
    assert rests == sorted(rests, reverse=True)
    assert rests[-2] < 0.2 * rests[0]
    assert rests[-1] < 0.01 * rests[0]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_short_filter_is_the_two_filters(scale):
    plane = random_image(30, 30).pixels[..., 0].astype(np.float32) / 255
    matrix = reduction(30, scale)
    expected = matrix @ upscale_values(plane, scale) @ matrix.T
    inner = (slice(4, -4), slice(4, -4))
    assert np.abs(reduced_again(plane, scale) - expected)[inner].max() < 1e-5


def test_total_variation_falls_with_every_step_and_converges():
    plane = reduced_image(scene())[:, :16, 0].astype(np.float32) / 255
    objectives = []
    start = upscale_values(plane, 4)
    result = upscale_plane(plane, start, iterations=120, observe=objectives.append)
    assert len(objectives) == 121
    assert (np.diff(objectives) <= 0).all()
    assert objectives[-1] < 0.8 * objectives[0]
    assert objectives[60] - objectives[120] < 0.02 * (objectives[0] - objectives[120])
    other = upscale_plane(plane, np.zeros_like(start), iterations=400)
    assert np.abs(other - result).mean() < 1 / 255  # wherever it begins


def test_without_a_prior_total_variation_is_back_projection():
    plane = reduced_image(scene())[..., 0].astype(np.float32) / 255
    start = upscale_values(plane, 4)
    matrices = reduction(plane.shape[0], 4), reduction(plane.shape[1], 4)
    rests = [
        np.abs(matrices[0] @ each @ matrices[1].T - plane).mean()
        for each in (start, upscale_plane(plane, start, weight=0.0, iterations=30))
    ]
    assert rests[1] < 0.05 * rests[0]


@pytest.mark.parametrize(("method", "gain"), [("ibp", 1.0), ("tv", 1.0)])
def test_it_comes_nearer_to_the_original_than_a_bicubic_filter(method, gain):
    truth = scene()
    lr = reduced_image(truth)
    plain = psnr(upscaled("bicubic", lr), truth, crop=4)
    assert psnr(upscaled(method, lr), truth, crop=4) > plain + gain


@pytest.mark.parametrize(
    ("method", "numbers", "expected"),
    [
        ("ibp", (1, 2, 3, 4, 5), 29.24),
        ("tv", (3,), 24.28),
        pytest.param("tv", (1, 2, 3, 4, 5), 29.88, marks=pytest.mark.slow),
    ],
)
def test_set5(method, numbers, expected):
    """Bicubic x4 has 28.43 dB, and 22.10 dB on the third picture."""
    found, plain = [], []
    for number in numbers:
        lr = read_image(shared(f"eval/Set5/LRbicx4/img_00{number}.png")).pixels
        hr = read_image(shared(f"eval/Set5/HR/img_00{number}.png")).pixels
        hr = hr[: lr.shape[0] * 4, : lr.shape[1] * 4]
        plain.append(psnr(upscaled("bicubic", lr), hr, crop=4))
        found.append(psnr(upscaled(method, lr), hr, crop=4))
    assert np.mean(found) == pytest.approx(expected, abs=0.05)
    assert (np.array(found) > plain).all()


@pytest.mark.parametrize("method", ["ibp", "tv"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [{}, {"gray": True}, {"alpha": True}])
def test_depth_gray_and_alpha(method, dtype, kind):
    image = random_image(13, 9, dtype, **kind)
    (result,) = Reconstructor(method).upscale_to([image], Size(30, 21))  # no whole factor
    assert result.pixels.shape == (21, 30, 3)
    assert result.pixels.dtype == dtype
    assert (result.alpha is None) == (image.alpha is None)
    if image.is_gray:
        assert (result.pixels == result.pixels[..., :1]).all()


@pytest.mark.parametrize("method", ["ibp", "tv"])
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1), (3, 2)])
def test_any_size(method, size):
    image = Image(np.full((size[1], size[0], 3), 77, np.uint8))
    for scale in (0.5, 1, 1.5, 4):
        target = image.size.scaled(scale)
        (result,) = Reconstructor(method).upscale_to([image], target)
        assert result.size == target
        assert np.abs(result.pixels.astype(int) - 77).max() <= 1


def test_tiles_do_not_show(monkeypatch):
    lr = np.ascontiguousarray(reduced_image(scene(144, 120)))
    whole = upscaled("tv", lr)
    monkeypatch.setattr("realesr.engine.reconstruction.TILE", 80)
    counts = []
    tiled = Reconstructor("tv").upscale_to(
        [Image(lr)], Size(120, 144), on_tile=lambda *count: counts.append(count)
    )[0]
    difference = np.abs(whole.astype(int) - tiled.pixels)
    assert difference.max() <= 2
    assert difference.mean() < 0.1
    assert counts == [(done, 12) for done in range(1, 13)]


@pytest.mark.parametrize("method", ["ibp", "tv"])
def test_reducing_is_left_to_the_filter_with_all_it_does_about_alpha(method):
    image = random_image(24, 16, alpha=True)
    (expected,) = Interpolator("bicubic").upscale_to([image], Size(12, 8))
    (found,) = Reconstructor(method).upscale_to([image], Size(12, 8))
    assert np.array_equal(found.pixels, expected.pixels)
    assert np.array_equal(found.alpha, expected.alpha)
