"""Named levels of damage: random ones for training, and fixed ones for evaluation.

A network that is trained on strong damage alone softens undamaged images. Training therefore mixes
these levels image by image (``[data.levels]`` of a recipe).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from realesr.degradation import operations
from realesr.degradation.operations import ImageArray
from realesr.degradation.pipeline import DegradationConfig, Observer, StageConfig, apply_steps
from realesr.degradation.steps import GaussianBlur, Jpeg, Noise, Resize, Step

_ALL: tuple[operations.Interpolation, ...] = ("area", "bilinear", "bicubic", "antialiased")


def _reduced(stage: StageConfig) -> DegradationConfig:
    """Returns a round at the final size: noise and compression as a camera or an editor leaves."""
    return DegradationConfig(
        order=1,
        first=replace(
            stage,
            sinc_probability=0.0,
            resize_probabilities=(0.0, 0.0, 1.0),
        ),
        is_reduced_first=True,
        final_sinc_probability=0.0,
        interpolations=_ALL,
    )


LEVELS: Mapping[str, DegradationConfig] = MappingProxyType(
    {
        "bicubic": DegradationConfig(
            order=1,
            first=StageConfig(
                blur_probability=0.0,
                resize_probabilities=(0.0, 0.0, 1.0),
                noise_probability=0.0,
                jpeg_probability=0.0,
            ),
            final_sinc_probability=0.0,
            interpolations=("antialiased",),
        ),
        "clean": DegradationConfig(
            first=StageConfig(
                blur_probability=0.0,
                resize_probabilities=(0.0, 0.0, 1.0),
                noise_probability=0.0,
                jpeg_probability=0.3,
                jpeg_quality=(90.0, 100.0),
            ),
            second_probability=0.0,
            final_sinc_probability=0.0,
            interpolations=("area", "antialiased"),
        ),
        "light": DegradationConfig(
            first=StageConfig(
                blur_probability=0.5,
                sigma=(0.2, 1.4),
                resize_probabilities=(0.15, 0.25, 0.6),
                resize_range=(0.6, 1.2),
                noise_probability=0.5,
                gaussian_sigma=(0.2, 3.0),
                poisson_scale=(0.02, 0.4),
                jpeg_probability=0.9,
                jpeg_quality=(75.0, 98.0),
            ),
            second=StageConfig(
                blur_probability=0.2,
                sigma=(0.2, 0.7),
                resize_probabilities=(0.2, 0.2, 0.6),
                resize_range=(0.8, 1.2),
                noise_probability=0.3,
                gaussian_sigma=(0.2, 2.0),
                poisson_scale=(0.02, 0.3),
                jpeg_quality=(75.0, 98.0),
            ),
            second_probability=0.2,
            final_sinc_probability=0.1,
            interpolations=_ALL,
        ),
        "medium": DegradationConfig(
            first=StageConfig(
                blur_probability=0.8,
                sigma=(0.3, 2.2),
                resize_probabilities=(0.15, 0.45, 0.4),
                resize_range=(0.35, 1.2),
                noise_probability=0.9,
                gaussian_sigma=(1.0, 8.0),
                poisson_scale=(0.05, 1.0),
                jpeg_quality=(50.0, 90.0),
            ),
            second=StageConfig(
                blur_probability=0.3,
                sigma=(0.2, 1.0),
                resize_probabilities=(0.2, 0.4, 0.4),
                resize_range=(0.6, 1.2),
                noise_probability=0.7,
                gaussian_sigma=(0.5, 6.0),
                poisson_scale=(0.05, 0.8),
                jpeg_quality=(50.0, 92.0),
            ),
            second_probability=0.4,
            final_sinc_probability=0.3,
            interpolations=_ALL,
        ),
        "heavy": DegradationConfig(
            first=StageConfig(
                blur_probability=0.9,
                sigma=(0.5, 3.0),
                resize_probabilities=(0.2, 0.6, 0.2),
                resize_range=(0.25, 1.3),
                gaussian_sigma=(2.0, 18.0),
                poisson_scale=(0.1, 2.0),
                jpeg_quality=(25.0, 80.0),
            ),
            second=StageConfig(
                blur_probability=0.5,
                sigma=(0.2, 1.2),
                resize_probabilities=(0.3, 0.4, 0.3),
                resize_range=(0.5, 1.2),
                gaussian_sigma=(0.5, 14.0),
                poisson_scale=(0.05, 1.2),
                jpeg_quality=(30.0, 85.0),
            ),
            second_probability=0.6,
            final_sinc_probability=0.5,
            interpolations=_ALL,
        ),
        "camera": _reduced(
            StageConfig(
                blur_probability=0.7,
                sigma=(0.3, 2.2),
                noise_probability=0.8,
                gaussian_sigma=(0.5, 8.0),
                poisson_scale=(0.02, 0.8),
                gray_noise_probability=0.3,
                jpeg_quality=(50.0, 95.0),
            )
        ),
        "compressed": _reduced(
            StageConfig(
                blur_probability=0.5,
                sigma=(0.3, 2.0),
                noise_probability=0.4,
                gaussian_sigma=(0.5, 6.0),
                poisson_scale=(0.02, 0.6),
                jpeg_quality=(15.0, 75.0),
            )
        ),
        "noisy": _reduced(
            StageConfig(
                blur_probability=0.5,
                sigma=(0.3, 2.0),
                gaussian_sigma=(4.0, 25.0),
                poisson_scale=(0.2, 2.5),
                gray_noise_probability=0.15,
                jpeg_probability=0.7,
                jpeg_quality=(50.0, 98.0),
            )
        ),
        "classical": DegradationConfig(
            order=1,
            first=StageConfig(sinc_probability=0.0),
            final_sinc_probability=0.0,
        ),
        "paper": DegradationConfig(),
    }
)
"""Levels for training: ``bicubic`` reduces as MATLAB does and damages nothing, as benchmarks of the
literature ask for; ``clean`` to ``heavy`` go from almost no damage nearly to ``paper``'s; in
``camera``, ``compressed`` and ``noisy`` noise and JPEG come after the reduction, so that JPEG's
blocks are whole; ``classical`` is equation 1 of the paper, one round without ringing. Their scale
is 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedDamage:
    """Damage with fixed parameters, on which networks are compared; only the noise is random.

    Attributes:
        sigma: Standard deviations of the Gaussian blur along x and y, px of the clean image.
        noise: Standard deviation of the Gaussian noise on the small image, 8-bit levels.
        quality: JPEG quality, 1..100; None leaves JPEG out.
        interpolation: Filter that reduces the image.
    """

    sigma: tuple[float, float] | None = None
    noise: float = 0.0
    quality: int | None = None
    interpolation: operations.Interpolation = "area"


FIXED_LEVELS: Mapping[str, FixedDamage] = MappingProxyType(
    {
        "clean": FixedDamage(interpolation="antialiased"),
        "light": FixedDamage(quality=95),
        "medium": FixedDamage(sigma=(1.2, 1.2), noise=4.0, quality=70),
        "heavy": FixedDamage(sigma=(2.4, 1.6), noise=10.0, quality=40),
    }
)
"""Levels for evaluation."""


def degrade_fixed(
    hr: ImageArray,
    damage: FixedDamage,
    *,
    scale: int,
    seed: int,
    observe: Observer = lambda step, image: None,
) -> ImageArray:
    """Reduces a clean image and damages it reproducibly.

    Args:
        hr: (H, W, 3) float32 RGB in [0, 1]; H and W are multiples of ``scale``.
        damage: Parameters of the damage.
        scale: Clean px per result px, along each side.
        seed: Seed of the noise.
        observe: Called after each step with the step and its result.

    Returns:
        (H / scale, W / scale, 3) float32 RGB in [0, 1], on the 8-bit grid.
    """
    height, width = hr.shape[:2]
    return apply_steps(
        hr,
        fixed_steps(width, height, damage, scale=scale),
        np.random.default_rng(seed),
        observe=observe,
    )


def fixed_steps(width: int, height: int, damage: FixedDamage, *, scale: int) -> Iterator[Step]:
    """Yields the steps of a fixed damage for an image of a size, px."""
    if damage.sigma is not None:
        yield GaussianBlur(*damage.sigma)
    yield Resize(width // scale, height // scale, damage.interpolation)
    if damage.noise:
        yield Noise("Gaussian", damage.noise, gray=False)
    if damage.quality is not None:
        yield Jpeg(damage.quality)
