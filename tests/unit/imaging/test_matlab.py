import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.imaging.matlab import contributions, imresize

from support.paths import shared
from support.reference import basicsr


@pytest.fixture
def image():
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (9, 12, 3), np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))


@pytest.mark.parametrize("factor", [1 / 4, 1 / 3, 0.5, 2])
def test_floats_are_resized_as_by_basicsr(image, factor):
    unit = image.astype(np.float32) / 255
    expected = basicsr("utils.matlab_functions").imresize(unit, factor)
    height, width = expected.shape[:2]
    np.testing.assert_allclose(imresize(unit, width, height), expected, atol=2e-6)


def test_another_constant_of_the_kernel_is_noticed(image, monkeypatch):
    """The comparison above can fail: a kernel that is 1 % sharper is told apart."""
    unit = image.astype(np.float32) / 255
    expected = basicsr("utils.matlab_functions").imresize(unit, 0.25)
    contributions.cache_clear()
    monkeypatch.setattr("realesr.imaging.matlab.SHARPNESS", -0.505)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(imresize(unit, 24, 18), expected, atol=2e-6)
    contributions.cache_clear()


def test_integers_are_rounded_after_each_pass(image):
    """The stored images of SR data sets show it: one rounding at the end changes a tenth of px."""
    values = imresize(image, 24, 18)
    assert values.dtype == np.uint8
    once = np.clip(np.floor(imresize(image.astype(np.float64), 24, 18) + 0.5), 0, 255)
    across = np.floor(imresize(image.astype(np.float64), 96, 18) + 0.5)
    twice = np.clip(np.floor(imresize(np.clip(across, 0, 255), 24, 18) + 0.5), 0, 255)
    assert (values == twice).all()
    assert 0 < np.abs(values - once).max() <= 2


@pytest.mark.parametrize("sizes", [(7, 3), (64, 16), (10, 25), (5, 1), (1, 4)])
def test_weights_sum_to_one_and_stay_inside(sizes):
    taps, weights = contributions(*sizes)
    assert taps.min() >= 0
    assert taps.max() < sizes[0]
    np.testing.assert_allclose(weights.sum(axis=1), 1)


@pytest.mark.parametrize("name", ["img_002.png", "img_005.png"])
def test_the_stored_images_of_set5_are_equal_bit_for_bit(name):
    """But for a border of 3 px: the source made them before it cropped the originals."""
    hr, lr = (
        np.asarray(PillowImage.open(shared(f"eval/Set5/{folder}/{name}")).convert("RGB"))
        for folder in ("HR", "LRbicx4")
    )
    made = imresize(hr, hr.shape[1] // 4, hr.shape[0] // 4)
    assert (made[3:-3, 3:-3] == lr[3:-3, 3:-3]).all()
