"""The high-order degradation model: a random, damaged low-resolution version of a clean image.

Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
2021 (arXiv 2107.10833), section 3. A number of rounds of blur, resize, noise and JPEG (two in the
paper), then a sinc filter that leaves ringing, before or after the last JPEG. The default ranges
are those of the reference's ``train_realesrnet_x4plus.yml``; a recipe may choose gentler ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from realesr.degradation import kernels, operations
from realesr.degradation.operations import ImageArray, Interpolation
from realesr.degradation.steps import Blur, Clamp, Jpeg, Noise, Resize, Step

Range = tuple[float, float]
"""Smallest and largest value of a random parameter."""
Observer = Callable[[Step, ImageArray], None]
"""Receives each step and the image after it."""

INTERPOLATIONS: tuple[Interpolation, ...] = ("area", "bilinear", "bicubic")
KERNEL_SIZES = range(7, 22, 2)
"""Possible sides of blur kernels, px (section 3.2)."""
SMALL_SINC_KERNEL = 13
"""Side, px, below which the cut-off of a sinc kernel is at least pi/3 instead of pi/5."""
FINAL_SINC_CUTOFF: Range = (np.pi / 3, np.pi)
"""Cut-off frequency of the final sinc filter, rad/px."""
MIN_SIDE = 8
"""Smallest side of an intermediate image, px: that of a JPEG block."""


def _unobserved(step: Step, image: ImageArray) -> None:
    """Ignores a step: the default observer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """Ranges and probabilities of one round of blur, resize, noise and JPEG.

    Attributes:
        blur_probability: Chance that the round blurs at all.
        sinc_probability: Chance that its blur is a sinc filter instead of a Gaussian.
        sigma: Standard deviation of the Gaussian kernels, px.
        generalized_shape: Exponent of the generalized Gaussian.
        plateau_shape: Exponent of the plateau kernel.
        kernel_probabilities: Chances of isotropic, anisotropic, generalized isotropic, generalized
            anisotropic, plateau isotropic, plateau anisotropic.
        resize_probabilities: Chances of upscaling, reducing, keeping the size.
        resize_range: Factor of the resize: reducing draws below 1, upscaling above.
        noise_probability: Chance that there is noise at all.
        gaussian_probability: Chance that the noise is Gaussian, else it is Poisson.
        gaussian_sigma: Standard deviation of the Gaussian noise, 8-bit levels.
        poisson_scale: Factor on the Poisson noise.
        gray_noise_probability: Chance that the noise is the same in all channels.
        jpeg_probability: Chance that the round ends with JPEG compression at all.
        jpeg_quality: JPEG quality, 1..100.
    """

    blur_probability: float = 1.0
    sinc_probability: float = 0.1
    sigma: Range = (0.2, 3.0)
    generalized_shape: Range = (0.5, 4.0)
    plateau_shape: Range = (1.0, 2.0)
    kernel_probabilities: Sequence[float] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
    resize_probabilities: Sequence[float] = (0.2, 0.7, 0.1)
    resize_range: Range = (0.15, 1.5)
    noise_probability: float = 1.0
    gaussian_probability: float = 0.5
    gaussian_sigma: Range = (1.0, 30.0)
    poisson_scale: Range = (0.05, 3.0)
    gray_noise_probability: float = 0.4
    jpeg_probability: float = 1.0
    jpeg_quality: Range = (30.0, 95.0)


SECOND_STAGE = StageConfig(
    blur_probability=0.8,
    sigma=(0.2, 1.5),
    resize_probabilities=(0.3, 0.4, 0.3),
    resize_range=(0.3, 1.2),
    gaussian_sigma=(1.0, 25.0),
    poisson_scale=(0.05, 2.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationConfig:
    """Parameters of the whole degradation model.

    Attributes:
        scale: High-resolution pixels per low-resolution pixel, along each side.
        order: Largest number of rounds: 1 is the classical model, 2 the paper's.
        first: The first round; its resize factor is relative to the clean image.
        is_reduced_first: Whether that factor is relative to the final size instead, so that noise
            and JPEG of the first round are those of a small image.
        second: Every later round. The resize factor of the last one is relative to the final size;
            those between have sizes between, in equal ratios.
        second_probability: Chance of each later round (1 in the paper).
        final_sinc_probability: Chance of the last sinc filter.
        interpolations: Filters of the resizes, drawn with equal probability.
    """

    scale: int = 4
    order: int = 2
    first: StageConfig = field(default_factory=StageConfig)
    second: StageConfig = SECOND_STAGE
    second_probability: float = 1.0
    final_sinc_probability: float = 0.8
    interpolations: Sequence[Interpolation] = INTERPOLATIONS
    is_reduced_first: bool = False


def random_blur(stage: StageConfig, rng: np.random.Generator) -> Blur:
    """Draws the blur of a round."""
    size = int(rng.choice(KERNEL_SIZES))
    if rng.random() < stage.sinc_probability:
        lowest = np.pi / 3 if size < SMALL_SINC_KERNEL else np.pi / 5
        return _sinc(size, rng.uniform(lowest, np.pi))
    family, anisotropic = divmod(int(rng.choice(6, p=stage.kernel_probabilities)), 2)
    sigma_x = sigma_y = rng.uniform(*stage.sigma)
    angle = 0.0
    if anisotropic:
        sigma_y = rng.uniform(*stage.sigma)
        angle = rng.uniform(-np.pi, np.pi)
    sizes = f"{size} px, sigma {sigma_x:.2f} px"
    if anisotropic:
        sizes += f" x {sigma_y:.2f} px, {np.degrees(angle):.0f} deg"
    if family == 0:
        kernel = kernels.generalized_gaussian(size, sigma_x, sigma_y, angle)
        return Blur(kernel, f"Gaussian, {sizes}")
    if family == 1:
        shape = _around_one(stage.generalized_shape, rng)
        kernel = kernels.generalized_gaussian(size, sigma_x, sigma_y, angle, shape)
        return Blur(kernel, f"generalized Gaussian, {sizes}, shape {shape:.2f}")
    shape = _around_one(stage.plateau_shape, rng)
    kernel = kernels.plateau(size, sigma_x, sigma_y, angle, shape)
    return Blur(kernel, f"plateau, {sizes}, shape {shape:.2f}")


def _sinc(size: int, cutoff: float) -> Blur:
    return Blur(kernels.sinc(size, cutoff), f"sinc, {size} px, cut-off {cutoff:.2f} rad/px")


def degrade(
    hr: ImageArray,
    config: DegradationConfig,
    rng: np.random.Generator,
    *,
    observe: Observer = _unobserved,
) -> ImageArray:
    """Makes a random low-resolution, damaged version of a clean image.

    Args:
        hr: (H, W, 3) float32 RGB in [0, 1]; H and W are multiples of ``config.scale``.
        config: Ranges and probabilities.
        rng: Source of all random numbers.
        observe: Called after each step with the step and its result.

    Returns:
        (H / scale, W / scale, 3) float32 RGB in [0, 1], on the 8-bit grid.

    Raises:
        ValueError: H or W is not a multiple of the scale.
    """
    height, width = hr.shape[:2]
    return apply_steps(hr, draw_steps(width, height, config, rng), rng, observe=observe)


def apply_steps(
    image: ImageArray,
    steps: Iterable[Step],
    rng: np.random.Generator,
    *,
    observe: Observer = _unobserved,
) -> ImageArray:
    """Does steps one after the other, and rounds the result to the 8-bit grid.

    Args:
        image: (H, W, 3) float32 RGB in [0, 1].
        steps: The steps; they may be drawn from the same generator on the way.
        rng: Source of the noise.
        observe: Called after each step with the step and its result.
    """
    for step in steps:
        image = step.apply(image, rng)
        observe(step, image)
    return operations.from_levels(operations.quantize(image))


def draw_steps(
    width: int, height: int, config: DegradationConfig, rng: np.random.Generator
) -> Iterator[Step]:
    """Draws the steps for an image of a size, px, one by one.

    Raises:
        ValueError: A side is not a multiple of the scale.
    """
    if height % config.scale or width % config.scale:
        raise ValueError(f"{width}x{height} is not a multiple of the scale {config.scale}")
    stage = config.first
    reduction = config.scale if config.is_reduced_first else 1
    yield from _round(stage, (width / reduction, height / reduction), config, rng)
    for number in range(1, config.order):
        if rng.random() >= config.second_probability:
            continue
        if rng.random() < stage.jpeg_probability:
            yield Jpeg(_draw_quality(stage, rng))
        stage = config.second
        reduction = config.scale ** (number / (config.order - 1))
        yield from _round(stage, (width / reduction, height / reduction), config, rng)
    yield from _finish((width // config.scale, height // config.scale), stage, config, rng)


def _round(
    stage: StageConfig,
    reference_size: tuple[float, float],
    config: DegradationConfig,
    rng: np.random.Generator,
) -> Iterator[Step]:
    """Draws one round without JPEG; the resize factor is relative to ``reference_size``, px."""
    if rng.random() < stage.blur_probability:
        yield random_blur(stage, rng)
    factor = _draw_factor(stage, rng)
    width, height = (max(MIN_SIDE, round(side * factor)) for side in reference_size)
    yield Resize(width, height, _draw_interpolation(config.interpolations, rng))
    if rng.random() < stage.noise_probability:
        gray = bool(rng.random() < stage.gray_noise_probability)
        if rng.random() < stage.gaussian_probability:
            yield Noise("Gaussian", rng.uniform(*stage.gaussian_sigma), gray)
        else:
            yield Noise("Poisson", rng.uniform(*stage.poisson_scale), gray)
    yield Clamp()


def _finish(
    target: tuple[int, int],
    stage: StageConfig,
    config: DegradationConfig,
    rng: np.random.Generator,
) -> Iterator[Step]:
    """Draws the resize to the final size and the sinc filter, before or after the last JPEG."""
    jpeg_first = rng.random() < 0.5
    quality = _draw_quality(stage, rng) if rng.random() < stage.jpeg_probability else None
    if jpeg_first and quality is not None:
        yield Jpeg(quality)
    yield Resize(*target, _draw_interpolation(config.interpolations, rng))
    if rng.random() < config.final_sinc_probability:
        size = int(rng.choice(KERNEL_SIZES))
        yield _sinc(size, rng.uniform(*FINAL_SINC_CUTOFF))
    if not jpeg_first and quality is not None:
        yield Jpeg(quality)


def _draw_interpolation(
    interpolations: Sequence[Interpolation], rng: np.random.Generator
) -> Interpolation:
    return interpolations[int(rng.integers(len(interpolations)))]


def _draw_quality(stage: StageConfig, rng: np.random.Generator) -> int:
    return round(rng.uniform(*stage.jpeg_quality))


def _draw_factor(stage: StageConfig, rng: np.random.Generator) -> float:
    smallest, largest = stage.resize_range
    direction = int(rng.choice(3, p=stage.resize_probabilities))
    if direction == 0:
        return float(rng.uniform(1, largest))
    return float(rng.uniform(smallest, 1)) if direction == 1 else 1.0


def _around_one(limits: Range, rng: np.random.Generator) -> float:
    """Draws below or above 1 with equal chance, so that heavy-tailed and flat kernels balance."""
    smallest, largest = limits
    return float(rng.uniform(smallest, 1) if rng.random() < 0.5 else rng.uniform(1, largest))
