import numpy as np
import pytest

from realesr.imaging.image import Image, Metadata


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 3))]
)
def test_other_arrays_are_no_images(pixels):
    with pytest.raises(ValueError, match="pixels must be"):
        Image(pixels)


@pytest.mark.parametrize("alpha", [np.zeros((2, 3), np.uint8), np.zeros((2, 2), np.uint16)])
def test_alpha_has_the_size_and_the_depth_of_the_colors(alpha):
    with pytest.raises(ValueError, match="alpha must be"):
        Image(np.zeros((2, 2, 3), np.uint8), alpha=alpha)


def test_metadata_is_true_where_it_says_something():
    assert not Metadata()
    assert Metadata(icc=b"x")
