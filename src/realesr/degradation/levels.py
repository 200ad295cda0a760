"""Named levels of damage: random ones for training, and fixed ones for evaluation.

A network that is trained on strong damage alone softens undamaged images. Training therefore mixes
these levels image by image (``[data.levels]`` of a recipe).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from realesr.degradation import operations
from realesr.degradation.operations import ImageArray
from realesr.degradation.pipeline import DegradationConfig, StageConfig

_ALL: tuple[operations.Interpolation, ...] = ("area", "bilinear", "bicubic", "antialiased")

LEVELS: Mapping[str, DegradationConfig] = MappingProxyType(
    {
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
        "paper": DegradationConfig(),
    }
)
"""Levels for training, from almost no damage to that of the paper. Their scale is 4."""


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


def degrade_fixed(hr: ImageArray, damage: FixedDamage, *, scale: int, seed: int) -> ImageArray:
    """Reduces a clean image and damages it reproducibly.

    Args:
        hr: (H, W, 3) float32 RGB in [0, 1]; H and W are multiples of ``scale``.
        damage: Parameters of the damage.
        scale: Clean px per result px, along each side.
        seed: Seed of the noise.

    Returns:
        (H / scale, W / scale, 3) float32 RGB in [0, 1], on the 8-bit grid.
    """
    height, width = (side // scale for side in hr.shape[:2])
    out = hr
    if damage.sigma is not None:
        sigma_x, sigma_y = damage.sigma
        blurred = cv2.GaussianBlur(out, (0, 0), sigma_x, sigmaY=sigma_y)
        out = np.asarray(blurred, dtype=np.float32)
    out = operations.resize(out, width, height, damage.interpolation)
    if damage.noise:
        rng = np.random.default_rng(seed)
        out = operations.add_gaussian_noise(out, damage.noise, gray=False, rng=rng)
    if damage.quality is not None:
        out = operations.jpeg(out, damage.quality)
    return operations.from_levels(operations.quantize(out))
