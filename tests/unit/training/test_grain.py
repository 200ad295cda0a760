import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.media.images.index import index_images
from realesr.training.grain import grain_deviation, without_grain
from realesr.training.store import ImageStore


def scene(deviation, seed=0):
    """A sky above a meadow of strong texture, with grain of so many levels, (192, 256, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = np.empty((192, 256, 3))
    image[:96] = np.linspace(90, 110, 96)[:, None, None]
    blades = rng.normal(0, 40, (96, 128, 1)).repeat(2, axis=1)
    image[96:] = 120 + blades
    grain = deviation * rng.standard_normal((192, 256, 1))
    return np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)


SKY, MEADOW = np.s_[8:72], np.s_[120:]


@pytest.mark.parametrize("deviation", [0.7, 1.0, 2.0, 3.0])
def test_the_grain_of_even_areas_is_estimated(deviation):
    rounding = 1 / 12
    expected = (deviation**2 + rounding) ** 0.5
    assert grain_deviation(scene(deviation)) == pytest.approx(expected, rel=0.1)


def test_small_and_clipped_images_have_no_grain():
    assert grain_deviation(scene(2)[:15]) == 0
    assert grain_deviation(scene(2)[:40, :40]) == 0
    assert grain_deviation(np.full((192, 256, 3), 255, np.uint8)) == 0


@pytest.mark.parametrize("deviation", [1.0, 2.0, 3.0])
def test_grain_goes_and_texture_stays(deviation):
    clean, grainy = scene(0).astype(float), scene(deviation)
    result = without_grain(grainy)
    assert result.dtype == np.uint8
    assert np.std(result[SKY] - clean[SKY]) < 0.45 * deviation
    assert np.array_equal(result[MEADOW], grainy[MEADOW])


def test_an_image_without_grain_stays():
    image = scene(0.3)
    assert without_grain(image) is image


@pytest.mark.parametrize("degrain", [False, True])
def test_a_store_removes_it_if_it_is_asked_to(tmp_path, degrain):
    PillowImage.fromarray(scene(2)).save(tmp_path / "a.png")
    store = ImageStore(index_images(tmp_path), cache_bytes=1 << 20, sharpen=False, degrain=degrain)
    assert (grain_deviation(store[0]) < 1) == degrain
