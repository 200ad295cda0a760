import numpy as np
import pytest

from realesr.degradation import operations

from support.reference import basicsr


@pytest.fixture
def image():
    """Smooth color with an edge, (48, 64, 3) in [0, 1]."""
    y, x = np.mgrid[0:48, 0:64].astype(np.float32)
    channels = (x / 64, y / 48, (x > 30) * 0.6 + 0.2)
    return np.stack(channels, axis=2).astype(np.float32)


def test_sharpening_equals_basicsr(image):
    expected = basicsr("utils.img_process_util").usm_sharp(image)
    np.testing.assert_allclose(operations.unsharp_mask(image), expected, atol=1e-6)


def test_sharpening_leaves_flat_areas_alone():
    flat = np.full((30, 30, 3), 0.3, np.float32)
    np.testing.assert_allclose(operations.unsharp_mask(flat), flat, atol=1e-6)


def test_blur_of_a_point_is_the_kernel():
    point = np.zeros((9, 9, 3), np.float32)
    point[4, 4] = 1
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3)
    blurred = operations.blur(point, kernel)
    np.testing.assert_allclose(blurred[3:6, 3:6, 0], kernel[::-1, ::-1], atol=1e-6)


@pytest.mark.parametrize("interpolation", ["area", "bilinear", "bicubic"])
def test_resize_takes_width_first_and_keeps_a_flat_level(interpolation):
    resized = operations.resize(np.full((20, 30, 3), 0.4, np.float32), 13, 44, interpolation)
    assert resized.shape == (44, 13, 3)
    np.testing.assert_allclose(resized, 0.4, atol=1e-6)


@pytest.mark.parametrize("gray", [False, True])
def test_gaussian_noise_has_the_strength_asked_for(gray):
    flat = np.full((200, 200, 3), 0.5, np.float32)
    rng = np.random.default_rng(0)
    noise = operations.add_gaussian_noise(flat, 12.0, gray=gray, rng=rng) - flat
    assert noise.std() * 255 == pytest.approx(12, rel=0.03)
    assert np.allclose(noise, noise[..., :1]) == gray


@pytest.mark.parametrize("gray", [False, True])
def test_shot_noise_grows_with_the_root_of_the_signal(gray):
    rng = np.random.default_rng(0)
    for level in (0.1, 0.9):
        flat = np.full((200, 200, 3), level, np.float32)
        noise = operations.add_poisson_noise(flat, 2.0, gray=gray, rng=rng) - flat
        assert noise.std() == pytest.approx(2 * np.sqrt(level / 255), rel=0.03)
        assert noise.mean() == pytest.approx(0, abs=0.002)
        assert np.allclose(noise, noise[..., :1]) == gray


def test_jpeg_damages_more_at_lower_quality(image):
    def error(quality):
        return np.abs(operations.jpeg(image, quality) - image).mean()

    assert error(95) < error(50) < error(10)
    assert error(95) < 0.01


def test_jpeg_keeps_the_order_of_the_channels():
    red = np.zeros((16, 16, 3), np.float32)
    red[..., 0] = 1
    assert operations.jpeg(red, 90)[8, 8] == pytest.approx([1, 0, 0], abs=0.02)


def test_quantize_clamps_and_rounds():
    values = np.array([[[-1, 0.4999 / 255, 2]]], np.float32)
    assert operations.quantize(values).tolist() == [[[0, 0, 255]]]
