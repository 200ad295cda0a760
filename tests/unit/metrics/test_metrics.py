import math
import warnings

import numpy as np
import pytest

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.metrics.colorshift import color_shift
from realesr.metrics.niqe import NiqeParameters, halved, niqe
from realesr.metrics.psnr import luma, psnr
from realesr.metrics.ssim import ssim

from support.images import textured_pair
from support.paths import shared
from support.reference import basicsr


@pytest.fixture(scope="module")
def pair():
    """Returns a textured image and the same with noise."""
    return textured_pair(210, 300)


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


@pytest.mark.parametrize("channel", ["y", "rgb"])
def test_ssim_of_dark_images_is_that_of_basicsr(pair, channel):
    """Where the means are small, the first stabilizing constant decides."""
    first, second = pair[0] // 32, pair[1] // 16
    options = {"crop_border": 0, "test_y_channel": channel == "y"}
    theirs = basicsr("metrics.psnr_ssim").calculate_ssim(bgr(first), bgr(second), **options)
    assert ssim(first, second, channel=channel) == pytest.approx(theirs, abs=1e-4)


def test_psnr_by_hand():
    black = np.zeros((9, 9, 3), np.uint8)
    gray = np.full_like(black, 5)
    assert psnr(black, black) == math.inf
    assert psnr(black, gray, channel="rgb") == pytest.approx(10 * math.log10(255**2 / 25))
    assert psnr(black[..., 0], gray[..., 0]) == psnr(black, gray, channel="rgb")
    deep = [each.astype(np.uint16) for each in (black, gray)]
    assert psnr(*deep, channel="rgb") == pytest.approx(10 * math.log10(65535**2 / 25))


@pytest.mark.parametrize("white", [np.uint8(255), np.uint16(65535), np.float32(1), np.float64(1)])
def test_luma_of_the_primaries(white):
    """BT.601 in 8 bits: black, red, green, blue and white."""
    colors = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]) * white
    values = luma(colors.astype(white.dtype)[None])
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, [[16, 81.481, 144.553, 40.966, 235]], atol=1e-9)


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
        for odd in (np.dstack([first, first]), first[:0], first / 255):
            with pytest.raises(ValueError, match="must be"):
                metric(odd, odd)
    for metric in (psnr, ssim):
        with pytest.raises(ValueError, match=r"nothing is left of \(8, 300\) px after a crop of 4"):
            metric(first[:8], first[:8], crop=4)
        with pytest.raises(ValueError, match="negative: -1 px"):
            metric(first, first, crop=-1)
        with pytest.raises(ValueError, match=r"\('y', 'rgb'\), not 'Y'"):
            metric(first, first, channel="Y")
    with pytest.raises(ValueError, match=r"\(10, 290\) px after a crop of 5 px.*window of 11 px"):
        ssim(first[:20], first[:20], crop=5)
    for odd in (first[..., 0], first[:, :0]):
        with pytest.raises(ValueError, match=r"must be \(H, W, 3\)"):
            luma(odd)


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


@pytest.mark.parametrize("kind", ["clean", "noisy", "with a flat block"])
def test_niqe_is_that_of_basicsr(pair, parameters, kind):
    reference = basicsr("metrics.niqe")
    image = pair[kind == "noisy"].copy()
    if kind == "with a flat block":
        image[:110, :110] = 77
    plane = basicsr("metrics.metric_util").to_y_channel(bgr(image).astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # theirs takes the mean of no values
        theirs = reference.niqe(
            np.squeeze(plane).round(),
            parameters.mean[None],
            parameters.covariance,
            parameters.window,
        )
    # With a flat block the covariance of few blocks is nearly singular, and its inverse differs
    # from processor to processor.
    tolerance = {"rel": 1e-3} if kind == "with a flat block" else {"abs": 1e-4}
    assert niqe(image, parameters) == pytest.approx(float(theirs), **tolerance)


def test_niqe_with_the_published_parameters_is_that_of_basicsr(pair):
    published = NiqeParameters.load(shared("weights/metrics/niqe_pris_params.npz"))
    theirs = basicsr("metrics.niqe").calculate_niqe(bgr(pair[0]), 4)
    assert niqe(pair[0], published, crop=4) == pytest.approx(float(theirs), abs=1e-4)


def test_niqe_needs_blocks(pair, parameters):
    image = pair[0]
    with pytest.raises(
        ValueError, match=r"\(100, 150\) px after a crop of 0 px.*two blocks of 96 px"
    ):
        niqe(image[:100, :150], parameters)
    with pytest.raises(ValueError, match="nothing is left"):
        niqe(image, parameters, crop=105)
    with pytest.raises(ValueError, match="negative: -100 px"):
        niqe(image, parameters, crop=-100)
    with pytest.raises(ValueError, match="the image is flat"):
        niqe(np.full_like(image, 77), parameters)
    for odd in (image[..., 0], image / 255):
        with pytest.raises(ValueError, match="must be"):
            niqe(odd, parameters)


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
