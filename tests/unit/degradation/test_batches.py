import numpy as np
import pytest

from realesr.degradation import kernels, operations
from realesr.degradation.pipeline import DegradationConfig, StageConfig
from realesr.degradation.steps import Blur, Clamp, GaussianBlur, Jpeg, Noise, Resize

from support.images import textured_pair

torch = pytest.importorskip("torch")

from realesr.degradation.batches import add_noise, apply_step, degrade_batch  # noqa: E402

PIXELS = textured_pair(70, 90)[0]
IMAGE = operations.from_levels(PIXELS)


def batch_of(*images):
    return torch.from_numpy(np.stack([image.transpose(2, 0, 1) for image in images]).copy())


def arrays_of(batch):
    return batch.permute(0, 2, 3, 1).numpy()


def both(step, image=IMAGE):
    """The step by NumPy, and by PyTorch on the second of two images."""
    ours = step.apply(image, np.random.default_rng(0))
    batch = batch_of(np.zeros_like(image), image)
    return ours, arrays_of(apply_step(step, batch, torch.Generator()))[1]


@pytest.mark.parametrize(
    "step",
    [
        Blur(kernels.generalized_gaussian(21, 3.0, 0.6, 0.5), ""),
        Blur(kernels.sinc(13, 1.5), ""),
        GaussianBlur(2.4, 1.6),
        Resize(31, 33, "area"),
        Resize(45, 35, "area"),
        Resize(131, 101, "area"),
        Resize(31, 33, "bilinear"),
        Resize(131, 101, "bicubic"),
        Resize(31, 33, "bicubic"),
        Resize(31, 33, "antialiased"),
        Resize(90, 70, "bicubic"),
        Clamp(),
    ],
    ids=lambda step: f"{step.title} {step}",
)
def test_steps_agree_with_numpy(step):
    expected, found = both(step)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=3e-5)


def test_an_asymmetric_kernel_is_not_turned():
    kernel = np.random.default_rng(0).random((7, 7), np.float32)
    expected, found = both(Blur(kernel / kernel.sum(), ""))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_images_smaller_than_the_kernel_are_mirrored_more_than_once():
    """OpenCV mirrors them otherwise, where the kernel reaches beyond the mirrored image."""
    step = Blur(kernels.generalized_gaussian(21, 3.0, 3.0), "")
    expected, found = both(step, IMAGE[:8, :8].copy())
    assert found.shape == (8, 8, 3)
    assert np.abs(found - expected).max() < 0.1


class Field:
    """A generator that gives one field of noise."""

    def __init__(self, values):
        self.values = values

    def standard_normal(self, shape, dtype):
        return self.values.reshape(shape)


@pytest.mark.parametrize("kind", ["Gaussian", "Poisson"])
@pytest.mark.parametrize("gray", [False, True])
def test_noise_agrees_with_numpy(kind, gray):
    step = Noise(kind, 7.0, gray)
    channels = 1 if gray else 3
    field = np.random.default_rng(1).standard_normal((70, 90, channels), np.float32)
    expected = step.apply(IMAGE, Field(field))
    found = add_noise(batch_of(IMAGE), step, batch_of(field))
    np.testing.assert_allclose(arrays_of(found)[0], expected, atol=1e-6)
    drawn = apply_step(step, batch_of(IMAGE), torch.Generator().manual_seed(0))
    assert (drawn - batch_of(IMAGE)).std() == pytest.approx((expected - IMAGE).std(), rel=0.05)


@pytest.mark.parametrize("quality", [10, 40, 75, 95])
@pytest.mark.parametrize("size", [(64, 80), (61, 77)])
def test_jpeg_agrees_with_opencv_to_a_few_levels(quality, size):
    image = IMAGE[: size[0], : size[1]].copy()
    expected, found = both(Jpeg(quality), image)
    difference = np.abs(found - expected) * 255
    assert difference.mean() < 0.7
    # a coefficient halfway between two steps may take the other one: that moves a whole block
    assert np.quantile(difference, 0.95) <= 4
    _, other = both(Jpeg(quality - 3), image)
    assert np.abs(other - expected).mean() * 255 > difference.mean() * 1.5


def test_whole_chains_agree_in_strength():
    """The noise differs, and with it every pixel; the mean error does not."""
    hr = operations.from_levels(textured_pair(96, 128)[0])
    config = DegradationConfig()
    seeds = range(24)
    batch = batch_of(*[hr] * len(seeds))
    lr = degrade_batch(
        batch,
        config,
        [np.random.default_rng(seed) for seed in seeds],
        torch.Generator().manual_seed(0),
    )
    assert lr.shape == (len(seeds), 3, 24, 32)
    assert torch.allclose(lr * 255, (lr * 255).round(), atol=1e-4)
    clean = operations.resize(hr, 32, 24, "area")
    from realesr.degradation.pipeline import draw_steps

    errors = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        steps = list(draw_steps(128, 96, config, rng))
        image = hr
        for step in steps:
            image = step.apply(image, rng)
        errors.append(np.abs(image - clean).mean())
    found = np.abs(arrays_of(lr) - clean).mean(axis=(1, 2, 3))
    assert np.corrcoef(found, errors)[0, 1] > 0.98
    assert found.mean() == pytest.approx(np.mean(errors), rel=0.05)


def test_numbers_must_agree():
    with pytest.raises(ValueError, match="3 images are not a multiple of 2 generators"):
        degrade_batch(
            batch_of(*[IMAGE[:64, :64]] * 3),
            DegradationConfig(),
            [np.random.default_rng(0)] * 2,
            torch.Generator(),
        )


def test_a_group_shares_its_steps():
    """Two generators for four images: without noise, the images of a group become equal."""
    silent = StageConfig(noise_probability=0)
    config = DegradationConfig(first=silent, second=silent)
    rngs = [np.random.default_rng(seed) for seed in (0, 1)]
    batch = batch_of(*[IMAGE[:64, :64]] * 4)
    first, second, third, fourth = degrade_batch(batch, config, rngs, torch.Generator())
    assert torch.allclose(first, second, atol=1.5 / 255)
    assert torch.allclose(third, fourth, atol=1.5 / 255)
    assert not torch.allclose(first, third, atol=1.5 / 255)
