from dataclasses import replace

import numpy as np
import pytest

from realesr.geometry import Size
from realesr.imaging import resize as resize_module
from realesr.imaging.image import Image, Metadata
from realesr.imaging.resize import resize

from support.networks import random_image


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
    """A fine checkerboard becomes its mean, not one of its colors."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = Image(np.repeat(board[..., None], 3, axis=2), is_gray=True)
    resized = resize(image, Size(16, 16), np.dtype(np.uint8))
    assert resized.is_gray
    assert np.abs(resized.pixels[3:-3, 3:-3].astype(int) - 128).max() <= 8


def test_colors_stay_in_their_channels():
    resized = resize(random_image(20, 20), Size(40, 40), np.dtype(np.uint8)).pixels
    means = random_image(20, 20).pixels.mean(axis=(0, 1))
    np.testing.assert_allclose(resized.mean(axis=(0, 1)), means, atol=3)


@pytest.mark.parametrize("height", [7, 40, 133])
@pytest.mark.parametrize("gray", [False, True])
def test_bands_do_not_show(monkeypatch, height, gray):
    image = random_image(60, 90, gray=gray, alpha=True)
    whole = resize(image, Size(50, height), np.dtype(np.uint16))
    monkeypatch.setattr(resize_module, "BAND_BYTES", 2000)
    banded = resize(image, Size(50, height), np.dtype(np.uint16))
    assert np.abs(whole.pixels.astype(int) - banded.pixels).max() <= 1
    assert np.abs(whole.alpha.astype(int) - banded.alpha).max() <= 1
    assert banded.is_gray == gray


def test_a_resize_keeps_what_a_image_says():
    image = replace(random_image(9, 9), metadata=Metadata(xmp=b"<x/>"))
    assert resize(image, Size(5, 5), np.dtype(np.uint8)).metadata == image.metadata
