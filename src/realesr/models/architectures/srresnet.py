"""Architecture of SRResNet. The PyTorch module is in :mod:`realesr.models.networks.srresnet`."""

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
    from realesr.models.networks.srresnet import SRResNet

EDGE = 9
"""Side of the first and the last kernel, px (figure 4 of the paper)."""

_BLOCK = re.compile(r"body\.(\d+)\.conv1\.weight")
_STEP = re.compile(r"up\.\d+\.conv\.weight")
_NORM = ("weight", "bias", "running_mean", "running_var")
"""Parameters and statistics of batch normalization, beside its count of batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SRResNetConfig:
    """Hyperparameters of SRResNet, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the features (64 in the paper).
        num_block: Residual blocks (16 in the paper).
        scale: Output px per input px, along each side: 2, 3, 4 or 8.
        channels: Channels of the input and of the result: 3 for RGB, 1 for luma.
        num_slope: Slopes of each PReLU: 1, or ``num_feat`` in krasserm's version.
        is_bounded: Whether the result passes a tanh, whose range becomes [0, 1], as in krasserm's
            version.

    Raises:
        ValueError: No SRResNet has such numbers.
    """

    name: ClassVar[str] = "srresnet"

    num_feat: int = 64
    num_block: int = 16
    scale: int = 4
    channels: int = COLORS
    num_slope: int = 1
    is_bounded: bool = field(default=False, metadata={"hidden": True})

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_size(self.channels, self.scale, num_feat=self.num_feat, num_block=self.num_block)
        upsampling_factors(self.scale)
        if self.num_slope not in (1, self.num_feat):
            raise ValueError(f"its num_slope is {self.num_slope}")

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No SRResNet has such parameters.
        """
        if not {"conv_first.weight", "body.0.norm1.weight", "norm_body.weight"} <= shapes.keys():
            return None
        num_feat, channels = shapes["conv_first.weight"][:2]
        steps = [shapes[name][0] for name in shapes if _STEP.fullmatch(name)]
        return cls(
            num_feat=num_feat,
            num_block=sum(_BLOCK.fullmatch(name) is not None for name in shapes),
            scale=upsampling_scale(steps, num_feat),
            channels=channels,
            num_slope=shapes.get("act_first.weight", (1,))[0],
        )

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: first kernel, two per block, one behind them, the upsampling."""
        upsampling = upsampling_radius(upsampling_factors(self.scale), EDGE // 2)
        return EDGE // 2 + 2 * self.num_block + 1 + upsampling

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the last pixel-shuffle, before and after it."""
        return 2 * self.num_feat * self.scale**2

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters and running statistics."""
        feat = self.num_feat
        shapes = convolution_shapes("conv_first", self.channels, feat, EDGE)
        shapes["act_first.weight"] = (self.num_slope,)
        for block in range(self.num_block):
            for layer in (1, 2):
                shapes |= convolution_shapes(f"body.{block}.conv{layer}", feat, feat)
                shapes |= _normalization(f"body.{block}.norm{layer}", feat)
            shapes[f"body.{block}.act.weight"] = (self.num_slope,)
        shapes |= convolution_shapes("conv_body", feat, feat)
        shapes |= _normalization("norm_body", feat)
        for step, factor in enumerate(upsampling_factors(self.scale)):
            shapes |= convolution_shapes(f"up.{step}.conv", feat, feat * factor**2)
            shapes[f"up.{step}.act.weight"] = (self.num_slope,)
        return shapes | convolution_shapes("conv_last", feat, self.channels, EDGE)

    def build(self) -> SRResNet:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.srresnet import SRResNet

        return SRResNet(self)


def _normalization(name: str, num_feat: int) -> dict[str, Shape]:
    """Returns names and shapes of batch normalization."""
    return {f"{name}.{each}": (num_feat,) for each in _NORM} | {f"{name}.num_batches_tracked": ()}
