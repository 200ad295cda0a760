"""Architecture of MSRResNet. PyTorch module: :mod:`realesr.models.networks.msrresnet`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import (
    COLORS,
    Shape,
    check_size,
    convolution_shapes,
    upsampling_factors,
    upsampling_radius,
    upsampling_scale,
)

if TYPE_CHECKING:
    from realesr.models.networks.msrresnet import MSRResNet

_BLOCK = re.compile(r"body\.(\d+)\.conv1\.weight")
_STEP = re.compile(r"upconv\d\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class MSRResNetConfig:
    """Hyperparameters of MSRResNet, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the features.
        num_block: Residual blocks.
        scale: Output px per input px, along each side: 2, 3 or 4.
        channels: Channels of the input and of the result: 3 for RGB, 1 for luma.

    Raises:
        ValueError: No MSRResNet has such numbers.
    """

    name: ClassVar[str] = "msrresnet"

    num_feat: int = 64
    num_block: int = 16
    scale: int = 4
    channels: int = COLORS

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_size(self.channels, self.scale, num_feat=self.num_feat, num_block=self.num_block)
        if self.scale not in (2, 3, 4):
            raise ValueError(f"MSRResNet has scales 2, 3 and 4, not {self.scale}")

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No MSRResNet has such parameters.
        """
        if not {"body.0.conv1.weight", "upconv1.weight", "conv_hr.weight"} <= shapes.keys():
            return None
        num_feat, channels = shapes["conv_first.weight"][:2]
        steps = [shapes[name][0] for name in shapes if _STEP.fullmatch(name)]
        return cls(
            num_feat=num_feat,
            num_block=sum(_BLOCK.fullmatch(name) is not None for name in shapes),
            scale=upsampling_scale(steps, num_feat),
            channels=channels,
        )

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: first convolution, two per block, the upsampling."""
        return 1 + 2 * self.num_block + upsampling_radius(upsampling_factors(self.scale), 2)

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the last pixel-shuffle, before and after it."""
        return 2 * self.num_feat * self.scale**2

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        feat = self.num_feat
        shapes = convolution_shapes("conv_first", self.channels, feat)
        for block in range(self.num_block):
            for layer in (1, 2):
                shapes |= convolution_shapes(f"body.{block}.conv{layer}", feat, feat)
        for step, factor in enumerate(upsampling_factors(self.scale), 1):
            shapes |= convolution_shapes(f"upconv{step}", feat, feat * factor**2)
        shapes |= convolution_shapes("conv_hr", feat, feat)
        return shapes | convolution_shapes("conv_last", feat, self.channels)

    def build(self) -> MSRResNet:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.msrresnet import MSRResNet

        return MSRResNet(self)
