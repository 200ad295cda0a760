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


class FieldOfNoise:
    """A generator that gives the same noise as ``np.random.randn`` does here."""

    def __init__(self, values):
        self.values = values

    def standard_normal(self, shape, dtype):
        assert shape == self.values.shape
        return self.values.astype(dtype)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize(("sigma", "agrees"), [(12.0, True), (12.12, False)])
def test_gaussian_noise_equals_basicsr(image, monkeypatch, gray, sigma, agrees):
    noise = np.random.default_rng(1).standard_normal((48, 64, 1 if gray else 3))
    monkeypatch.setattr(np.random, "randn", lambda *shape: noise.reshape(shape))
    expected = basicsr("data.degradations").add_gaussian_noise(
        image, 12.0, clip=False, gray_noise=gray
    )
    ours = operations.add_gaussian_noise(image, sigma, gray=gray, rng=FieldOfNoise(noise))
    assert np.allclose(ours, expected, atol=1e-6) == agrees


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize(("scale", "agrees"), [(2.0, True), (2.2, False)])
def test_shot_noise_has_the_moments_of_basicsr(monkeypatch, gray, scale, agrees):
    """Theirs counts 256 photons at white where all levels occur, ours 255."""
    ramp = np.repeat(np.arange(256, dtype=np.float32)[None, :, None] / 255, 3, axis=2)
    ramp = np.tile(ramp, (800, 1, 1))
    monkeypatch.setattr(np.random, "poisson", np.random.default_rng(0).poisson)
    expected = basicsr("data.degradations").generate_poisson_noise(ramp, 2.0, gray_noise=gray)
    rng = np.random.default_rng(2)
    ours = operations.add_poisson_noise(ramp, scale, gray=gray, rng=rng) - ramp

    def spread(noise):
        """Standard deviation in eight parts of the ramp, from black to white."""
        return np.array([part.std() for part in np.array_split(noise, 8, axis=1)])

    assert np.allclose(spread(ours), spread(expected), rtol=0.02) == agrees


@pytest.mark.parametrize(
    ("name", "mode", "size"),
    [
        ("bilinear", "bilinear", (37, 81)),
        ("bicubic", "bicubic", (37, 81)),
        ("bilinear", "bilinear", (20, 24)),
        ("bicubic", "bicubic", (20, 24)),
        ("area", "area", (24, 32)),
        ("area", "area", (12, 16)),
    ],
)
def test_resizes_equal_those_of_the_reference(image, name, mode, size):
    """The reference resizes with PyTorch. Its area filter counts whole px only, which is the same
    at whole ratios."""
    torch = pytest.importorskip("torch")
    batch = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]
    options = {} if mode == "area" else {"align_corners": False}
    expected = torch.nn.functional.interpolate(batch, size=size, mode=mode, **options)
    expected = expected[0].permute(1, 2, 0).numpy()
    ours = operations.resize(image, size[1], size[0], name)
    np.testing.assert_allclose(ours, expected, atol=2e-5)
    moved = operations.resize(image[:, 1:], size[1], size[0], name)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(moved, expected, atol=2e-5)
