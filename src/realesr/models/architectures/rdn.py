"""Architecture of RDN. The PyTorch module is in :mod:`realesr.models.networks.rdn`."""

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
    upsampling_factors,
    upsampling_radius,
    upsampling_scale,
)

if TYPE_CHECKING:
    from realesr.models.networks.rdn import RDN

TAILS = ("steps", "shuffle", "repeat")
ISR_FEATURES = 64, 32
"""Channels of ISR's two convolutions before the upscaling, of 5x5 and 3x3 px."""

_LAYER = re.compile(r"rdbs\.(\d+)\.layers\.(\d+)\.conv\.weight")
_STEP = re.compile(r"upscale\.\d+\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class RDNConfig:
    """Hyperparameters of RDN, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels between the blocks (G0 in the paper).
        num_grow_ch: Channels that each convolution of a block adds (G).
        num_block: Residual dense blocks (D).
        num_layer: Convolutions in each block (C).
        tail: How features are upscaled: by ``steps`` of convolutions and pixel-shuffles as in the
            paper's code, or as in ISR by one pixel-``shuffle``, or by one ``repeat`` of pixels,
            which its published weights have.
        scale: Output px per input px, along each side.
        channels: Channels of the input and of the result: 3 for RGB, 1 for luma.

    Raises:
        ValueError: No RDN has such numbers.
    """

    name: ClassVar[str] = "rdn"

    num_feat: int = 64
    num_grow_ch: int = 64
    num_block: int = 16
    num_layer: int = 8
    tail: str = "steps"
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
            num_layer=self.num_layer,
        )
        if self.tail not in TAILS:
            raise ValueError(f"its tail is {self.tail!r}, and not one of {', '.join(TAILS)}")
        if self.tail == "steps":
            upsampling_factors(self.scale)

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No RDN has such parameters.
        """
        if not {"sfe1.weight", "rdbs.0.lff.weight", "gff.1.weight"} <= shapes.keys():
            return None
        num_feat, channels = shapes["sfe1.weight"][:2]
        layers = {match.groups() for match in map(_LAYER.fullmatch, shapes) if match}
        blocks = {block for block, _ in layers}
        steps = [shapes[name][0] for name in shapes if _STEP.fullmatch(name)]
        tail, scale = "steps", upsampling_scale(steps, num_feat)
        if "upn3.weight" in shapes:
            tail = "shuffle" if shapes["output.weight"][1] == channels else "repeat"
            scale = math.isqrt(shapes["upn3.weight"][0] // max(1, channels))
        return cls(
            num_feat=num_feat,
            num_grow_ch=shapes["rdbs.0.layers.0.conv.weight"][0],
            num_block=len(blocks),
            num_layer=len(layers) // max(1, len(blocks)),
            tail=tail,
            scale=scale,
            channels=channels,
        )

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: the blocks, three convolutions around them, the upsampling."""
        around = 3 + self.num_block * self.num_layer
        if self.tail == "steps":
            return around + upsampling_radius(upsampling_factors(self.scale), 1)
        return around + 2 + 1 + upsampling_radius((self.scale,), 1)

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the peak, per input px.

        They are the results of all blocks with the features of the last one and their
        concatenation, or the last features before and after the pixel-shuffle.
        """
        kept = (self.num_block + 1) * self.num_feat
        block = 2 * self.num_feat + (2 * self.num_layer - 1) * self.num_grow_ch
        joined = (2 * self.num_block + 1) * self.num_feat
        body = max(kept + block, joined)
        if self.tail == "steps":
            return max(body, 2 * self.num_feat * self.scale**2)
        wide = self.channels * self.scale**2
        repeated = wide * (self.scale**2 if self.tail == "repeat" else 1)
        return max(body, repeated + wide)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        feat, grow, wide = self.num_feat, self.num_grow_ch, self.channels * self.scale**2
        shapes = convolution_shapes("sfe1", self.channels, feat)
        shapes |= convolution_shapes("sfe2", feat, feat)
        for block in range(self.num_block):
            for layer in range(self.num_layer):
                name = f"rdbs.{block}.layers.{layer}.conv"
                shapes |= convolution_shapes(name, feat + layer * grow, grow)
            joined = feat + self.num_layer * grow
            shapes |= convolution_shapes(f"rdbs.{block}.lff", joined, feat, 1)
        shapes |= convolution_shapes("gff.0", self.num_block * feat, feat, 1)
        shapes |= convolution_shapes("gff.1", feat, feat)
        if self.tail == "steps":
            for step, factor in enumerate(upsampling_factors(self.scale)):
                shapes |= convolution_shapes(f"upscale.{2 * step}", feat, feat * factor**2)
            return shapes | convolution_shapes("output", feat, self.channels)
        first, second = ISR_FEATURES
        shapes |= convolution_shapes("upn1", feat, first, 5)
        shapes |= convolution_shapes("upn2", first, second)
        shapes |= convolution_shapes("upn3", second, wide)
        last = wide if self.tail == "repeat" else self.channels
        return shapes | convolution_shapes("output", last, self.channels)

    def build(self) -> RDN:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.rdn import RDN

        return RDN(self)
