"""Architecture of the enhancer. PyTorch module: :mod:`realesr.models.networks.enhancer`."""

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
    from realesr.models.networks.enhancer import Enhancer

EDGE = 7
"""Side of the first and the last kernel, px."""

_BLOCK = re.compile(r"blocks\.(\d+)\.conv\.weight")
_STEP = re.compile(r"upscale\.\d+\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancerConfig:
    """Hyperparameters of the enhancer, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the features.
        num_block: Residual blocks of one convolution.
        scale: Output px per input px, along each side; 1 repairs without upscaling.
        channels: Channels of the input and of the result: 3 for RGB, 1 for luma.

    Raises:
        ValueError: No enhancer has such numbers.
    """

    name: ClassVar[str] = "enhancer"

    num_feat: int = 64
    num_block: int = 4
    scale: int = 4
    channels: int = COLORS

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_size(self.channels, self.scale, num_feat=self.num_feat, num_block=self.num_block)
        upsampling_factors(self.scale)

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No enhancer has such parameters.
        """
        if not {"encode.weight", "blocks.0.conv.weight", "decode.weight"} <= shapes.keys():
            return None
        num_feat, channels = shapes["encode.weight"][:2]
        steps = [shapes[name][0] for name in shapes if _STEP.fullmatch(name)]
        return cls(
            num_feat=num_feat,
            num_block=sum(_BLOCK.fullmatch(name) is not None for name in shapes),
            scale=upsampling_scale(steps, num_feat),
            channels=channels,
        )

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: first kernel, one per block, the upsampling."""
        upsampling = upsampling_radius(upsampling_factors(self.scale), EDGE // 2)
        return EDGE // 2 + self.num_block + upsampling

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory in a block, or before and after the last pixel-shuffle."""
        return max(4, 2 * self.scale**2) * self.num_feat

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        feat = self.num_feat
        shapes = convolution_shapes("encode", self.channels, feat, EDGE)
        shapes["act.weight"] = (feat,)
        for block in range(self.num_block):
            shapes |= convolution_shapes(f"blocks.{block}.conv", feat, feat)
            shapes[f"blocks.{block}.act.weight"] = (feat,)
        for step, factor in enumerate(upsampling_factors(self.scale)):
            shapes |= convolution_shapes(f"upscale.{2 * step}", feat, feat * factor**2)
        return shapes | convolution_shapes("decode", feat, self.channels, EDGE)

    def build(self) -> Enhancer:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.enhancer import Enhancer

        return Enhancer(self)
