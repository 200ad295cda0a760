import numpy as np
import pytest

from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.imaging.resize import resize, to_depth

from support.networks import random_image


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 3))]
)
def test_other_arrays_are_no_images(pixels):
    with pytest.raises(ValueError, match="pixels must be"):
        Image(pixels)


@pytest.mark.parametrize("source", [np.uint8, np.uint16])
@pytest.mark.parametrize("target", [np.uint8, np.uint16])
@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_resize_keeps_a_flat_level_in_any_depth(source, target, share):
    level = round(share * np.iinfo(source).max)
    image = Image(np.full((7, 9, 3), level, source))
    resized = resize(image, Size(20, 4), np.dtype(target))
    assert resized.size == Size(20, 4)
    expected = round(level / np.iinfo(source).max * np.iinfo(target).max)
    assert (resized.pixels == expected).all()


def test_resize_does_not_alias():
    """A fine checkerboard becomes its mean, not one of its colours."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = Image(np.repeat(board[..., None], 3, axis=2), is_gray=True)
    resized = resize(image, Size(16, 16), np.dtype(np.uint8))
    assert resized.is_gray
    assert np.abs(resized.pixels[3:-3, 3:-3].astype(int) - 128).max() <= 8


def test_colours_stay_in_their_channels():
    resized = resize(random_image(20, 20), Size(40, 40), np.dtype(np.uint8)).pixels
    means = random_image(20, 20).pixels.mean(axis=(0, 1))
    np.testing.assert_allclose(resized.mean(axis=(0, 1)), means, atol=3)


def test_depth_is_rounded_and_clamped():
    values = np.array([-0.5, 0.4999 / 255, 0.5001 / 255, 1.5], np.float32)
    assert to_depth(values, np.dtype(np.uint8)).tolist() == [0, 0, 1, 255]
