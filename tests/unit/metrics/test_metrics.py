import math

import numpy as np
import pytest

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.metrics.colorshift import color_shift
from realesr.metrics.niqe import NiqeParameters, halved, niqe
from realesr.metrics.psnr import luma, psnr
from realesr.metrics.ssim import ssim

from support.paths import shared
from support.reference import basicsr


@pytest.fixture(scope="module")
def pair():
    """Returns a textured image and the same with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:210, 0:300]
    waves = [np.sin(x / (3 + c)) * np.cos(y / (5 + c)) + np.sin(x * y / 900) for c in range(3)]
    clean = np.stack(waves, axis=2) * 50 + 128 + rng.normal(0, 2, (210, 300, 3))
    noisy = clean + rng.normal(0, 6, clean.shape)
    return tuple(np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in (clean, noisy))


def bgr(image):
    return image[..., ::-1]


@pytest.mark.parametrize("crop", [0, 4])
@pytest.mark.parametrize("channel", ["y", "rgb"])
def test_psnr_and_ssim_are_those_of_basicsr(pair, crop, channel):
    reference = basicsr("metrics.psnr_ssim")
    first, second = pair
    options = {"crop_border": crop, "test_y_channel": channel == "y"}
    theirs = reference.calculate_psnr(bgr(first), bgr(second), **options)
    assert psnr(first, second, crop=crop, channel=channel) == pytest.approx(theirs, abs=1e-4)
    theirs = reference.calculate_ssim(bgr(first), bgr(second), **options)
    assert ssim(first, second, crop=crop, channel=channel) == pytest.approx(theirs, abs=1e-4)


def test_psnr_by_hand():
    black = np.zeros((9, 9, 3), np.uint8)
    gray = np.full_like(black, 5)
    assert psnr(black, black) == math.inf
    assert psnr(black, gray, channel="rgb") == pytest.approx(10 * math.log10(255**2 / 25))
    assert psnr(black[..., 0], gray[..., 0]) == psnr(black, gray, channel="rgb")
    assert luma(np.full((1, 1, 3), 255, np.uint8))[0, 0] == pytest.approx(235)


def test_sixteen_bits_are_measured_over_their_own_range(pair):
    first, second = pair
    deep = [each.astype(np.uint16) * 257 for each in pair]
    assert psnr(*deep) == pytest.approx(psnr(first, second), abs=1e-6)
    assert ssim(*deep) == pytest.approx(ssim(first, second), abs=1e-6)
    assert color_shift(*deep) == pytest.approx(color_shift(first, second), abs=1e-6)


def test_shapes_must_agree_and_suffice(pair):
    first, _ = pair
    for metric in (psnr, ssim, color_shift):
        with pytest.raises(ValueError, match=r"\(210, 300, 3\).*\(209, 300, 3\)"):
            metric(first, first[1:])
        with pytest.raises(ValueError, match=r"uint8.*uint16"):
            metric(first, first.astype(np.uint16))
    with pytest.raises(ValueError, match="nothing is left"):
        psnr(first[:8], first[:8], crop=4)
    with pytest.raises(ValueError, match="window of 11 px"):
        ssim(first[:10], first[:10])


def test_the_color_shift_is_that_of_the_worst_channel(pair):
    first, _ = pair
    dimmed = np.clip(first, 20, 230)
    shifted = (dimmed + np.int64([1, -3, 2])).astype(np.uint8)
    assert color_shift(shifted, dimmed) == pytest.approx(3)


@pytest.fixture(scope="module")
def parameters():
    """Returns a made-up model of natural images."""
    rng = np.random.default_rng(1)
    spread = rng.normal(size=(36, 36))
    line = np.exp(-0.5 * ((np.arange(7) - 3) / (7 / 6)) ** 2)
    window = np.outer(line, line) / line.sum() ** 2
    return NiqeParameters(rng.uniform(0, 3, 36), spread @ spread.T / 36, window)


@pytest.mark.parametrize("index", [0, 1])
def test_niqe_is_that_of_basicsr(pair, parameters, index):
    reference = basicsr("metrics.niqe")
    image = pair[index]
    plane = basicsr("metrics.metric_util").to_y_channel(bgr(image).astype(np.float32))
    theirs = reference.niqe(
        np.squeeze(plane).round(), parameters.mean[None], parameters.covariance, parameters.window
    )
    assert niqe(image, parameters) == pytest.approx(float(theirs), abs=1e-4)


def test_niqe_with_the_published_parameters_is_that_of_basicsr(pair):
    published = NiqeParameters.load(shared("weights/metrics/niqe_pris_params.npz"))
    theirs = basicsr("metrics.niqe").calculate_niqe(bgr(pair[0]), 4)
    assert niqe(pair[0], published, crop=4) == pytest.approx(float(theirs), abs=1e-4)


def test_niqe_needs_blocks(pair, parameters):
    with pytest.raises(ValueError, match="two blocks of 96 px"):
        niqe(pair[0][:100, :150], parameters)


def test_parameters_that_are_none_are_named(tmp_path):
    with pytest.raises(MissingWeightsError, match=r"absent\.npz"):
        NiqeParameters.load(tmp_path / "absent.npz")
    (tmp_path / "other.npz").write_bytes(b"no numbers")
    with pytest.raises(UnsupportedCheckpointError, match=r"other\.npz"):
        NiqeParameters.load(tmp_path / "other.npz")


def test_halving_keeps_means_and_ramps():
    ramp = np.repeat(np.arange(40, dtype=np.float64)[None], 20, axis=0)
    small = halved(ramp)
    assert small.shape == (10, 20)
    assert np.allclose(small[:, 2:-2], np.arange(20)[2:-2] * 2 + 0.5, atol=1e-4)
