"""Architecture of RRDN. The PyTorch module is in :mod:`realesr.models.networks.rrdn`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import (
    COLORS,
    Shape,
    check_size,
    convolution_shapes,
    upsampling_radius,
)

if TYPE_CHECKING:
    from realesr.models.networks.rrdn import RRDN

BETA = 0.2
"""Factor on each residual (ISR's default)."""

_LAYER = re.compile(r"body\.(\d+)\.(\d+)\.layers\.(\d+)\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class RRDNConfig:
    """Hyperparameters of RRDN, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels between the blocks (G0 in ISR).
        num_grow_ch: Channels that each convolution of a block adds (G).
        num_block: Residual blocks of dense blocks (T).
        num_dense: Dense blocks in each of them (D).
        num_layer: Convolutions in each dense block before the one that joins them (C).
        scale: Output px per input px, along each side.
        channels: Channels of the input and of the result: 3 for RGB, 1 for luma.

    Raises:
        ValueError: No RRDN has such numbers.
    """

    name: ClassVar[str] = "rrdn"

    num_feat: int = 32
    num_grow_ch: int = 32
    num_block: int = 10
    num_dense: int = 3
    num_layer: int = 4
    scale: int = 4
    channels: int = COLORS

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_size(
            *(self.channels, self.scale),
            num_feat=self.num_feat,
            num_grow_ch=self.num_grow_ch,
            num_block=self.num_block,
            num_dense=self.num_dense,
            num_layer=self.num_layer,
        )

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No RRDN has such parameters.
        """
        if not {"pre_blocks.weight", "body.0.0.lff.weight", "pre_shuffle.weight"} <= shapes.keys():
            return None
        num_feat, channels = shapes["pre_blocks.weight"][:2]
        layers = {match.groups() for match in map(_LAYER.fullmatch, shapes) if match}
        blocks = {block for block, _, _ in layers}
        dense = {(block, number) for block, number, _ in layers}
        return cls(
            num_feat=num_feat,
            num_grow_ch=shapes["body.0.0.layers.0.weight"][0],
            num_block=len(blocks),
            num_dense=len(dense) // max(1, len(blocks)),
            num_layer=len(layers) // max(1, len(dense)),
            scale=math.isqrt(shapes["pre_shuffle.weight"][0] // max(1, channels)),
            channels=channels,
        )

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: the blocks, two convolutions around them, the upsampling."""
        blocks = self.num_block * self.num_dense * (self.num_layer + 1)
        return 2 + blocks + upsampling_radius((self.scale,), 1)

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the end of a dense block, per input px.

        They are the features of the residuals, those of the block, and their concatenation.
        """
        dense = 4 * self.num_feat + (2 * self.num_layer - 1) * self.num_grow_ch
        return max(dense, 2 * self.channels * self.scale**2)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        feat, grow = self.num_feat, self.num_grow_ch
        shapes = convolution_shapes("pre_blocks", self.channels, feat)
        for block in range(self.num_block):
            for dense in range(self.num_dense):
                for layer in range(self.num_layer):
                    name = f"body.{block}.{dense}.layers.{layer}"
                    shapes |= convolution_shapes(name, feat + layer * grow, grow)
                joined = feat + self.num_layer * grow
                shapes |= convolution_shapes(f"body.{block}.{dense}.lff", joined, feat)
        shapes |= convolution_shapes("post_blocks", feat, feat)
        shapes |= convolution_shapes("pre_shuffle", feat, self.channels * self.scale**2)
        return shapes | convolution_shapes("output", self.channels, self.channels)

    def build(self) -> RRDN:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.rrdn import RRDN

        return RRDN(self)
