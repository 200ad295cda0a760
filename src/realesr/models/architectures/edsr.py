"""Architecture of EDSR. The PyTorch module is in :mod:`realesr.models.networks.edsr`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    from realesr.models.networks.edsr import EDSR

WIDE = 256
"""Channels from which on residuals are scaled by 0.1 where a file does not state the factor: the
paper's large network has so many (section 3.3)."""

_BLOCK = re.compile(r"body\.(\d+)\.body\.0\.weight")
_STEP = re.compile(r"tail\.0\.\d+\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class EDSRConfig:
    """Hyperparameters of EDSR, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the features: 64 (baseline) or 256 in the paper.
        num_block: Residual blocks: 16 (baseline) or 32 in the paper.
        scale: Output px per input px, along each side: 2, 3, 4 or 8.
        res_scale: Factor on the residuals: 1 (baseline) or 0.1 in the paper.

    Raises:
        ValueError: No EDSR has such numbers.
    """

    name: ClassVar[str] = "edsr"

    num_feat: int = 64
    num_block: int = 16
    scale: int = 4
    res_scale: float = field(default=1.0, metadata={"hidden": True})

    channels: ClassVar[int] = COLORS
    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_size(self.channels, self.scale, num_feat=self.num_feat, num_block=self.num_block)
        upsampling_factors(self.scale)

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No EDSR has such parameters.
        """
        if not {"head.0.weight", "body.0.body.2.weight", "sub_mean.weight"} <= shapes.keys():
            return None
        num_feat = shapes["head.0.weight"][0]
        steps = [shapes[name][0] for name in shapes if _STEP.fullmatch(name)]
        return cls(
            num_feat=num_feat,
            num_block=sum(_BLOCK.fullmatch(name) is not None for name in shapes),
            scale=upsampling_scale(steps, num_feat),
            res_scale=0.1 if num_feat >= WIDE else 1.0,
        )

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: two convolutions in each block, two around them, the upsampling."""
        return 2 * self.num_block + 2 + upsampling_radius(upsampling_factors(self.scale), 1)

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the last pixel-shuffle, before and after it."""
        return 2 * self.num_feat * self.scale**2

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        feat = self.num_feat
        shapes = convolution_shapes("sub_mean", COLORS, COLORS, 1)
        shapes |= convolution_shapes("add_mean", COLORS, COLORS, 1)
        shapes |= convolution_shapes("head.0", COLORS, feat)
        for block in range(self.num_block):
            for layer in (0, 2):
                shapes |= convolution_shapes(f"body.{block}.body.{layer}", feat, feat)
        shapes |= convolution_shapes(f"body.{self.num_block}", feat, feat)
        for step, factor in enumerate(upsampling_factors(self.scale)):
            shapes |= convolution_shapes(f"tail.0.{2 * step}", feat, feat * factor**2)
        return shapes | convolution_shapes("tail.1", feat, COLORS)

    def build(self) -> EDSR:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.edsr import EDSR

        return EDSR(self)
