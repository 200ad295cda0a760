"""Upscaling of features by convolutions and pixel-shuffles."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from realesr.models.architecture import upsampling_factors
from realesr.models.networks.base import Carrier


def shuffling_steps(num_feat: int, scale: int) -> nn.Sequential:
    """Returns steps of a 3x3 convolution and a pixel-shuffle without activation, as in EDSR."""
    layers: list[nn.Module] = []
    for factor in upsampling_factors(scale):
        layers += [
            nn.Conv2d(num_feat, num_feat * factor**2, 3, padding=1),
            nn.PixelShuffle(factor),
        ]
    return nn.Sequential(*layers)


def step_carriers(convolutions: Iterable[nn.Module], scale: int) -> tuple[Carrier, ...]:
    """Returns the carriers of the steps up to a scale."""
    factors = upsampling_factors(scale)
    return tuple(Carrier(each, factor) for each, factor in zip(convolutions, factors, strict=True))
