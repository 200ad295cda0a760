"""Architecture of RRDBNet. The PyTorch module is in :mod:`realesr.models.networks.rrdbnet`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import COLORS, Shape, check_size, convolution_shapes

if TYPE_CHECKING:
    from realesr.models.networks.rrdbnet import RRDBNet

RESIDUAL_SCALE = 0.2
"""Factor on each residual branch (ESRGAN, section 3.1: a number in [0, 1]; 0.2 in its code)."""
NEGATIVE_SLOPE = 0.2
"""Slope of the leaky ReLU for negative inputs (ESRGAN's code)."""
UPSAMPLING_REACH = 2
"""Receptive radius of the upsampling, features. Three px at 4x (conv_up2, conv_hr, conv_last) are
two px at 2x; conv_up1 makes them three px at 2x, which are two features for the outermost px of a
feature. At 8x conv_up3, conv_hr and conv_last are three px at 8x, and the two before them make them
two features again."""

_BLOCK = re.compile(r"body\.(\d+)\.rdb1\.conv1\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class RRDBNetConfig:
    """Hyperparameters of RRDBNet, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the intermediate features.
        num_block: Number of RRDB blocks (23 in x4plus and x2plus, 6 in x4plus_anime_6B).
        num_grow_ch: Channels that each convolution of a dense block adds.
        scale: 8, 4, 2 or 1.
        channels: Channels of the input and of the result: 3 for RGB, 1 for luma.

    Raises:
        ValueError: No RRDBNet has such numbers.
    """

    name: ClassVar[str] = "rrdbnet"

    num_feat: int = 64
    num_block: int = 23
    num_grow_ch: int = 32
    scale: int = 4
    channels: int = COLORS

    def __post_init__(self) -> None:
        check_size(
            *(self.channels, self.scale), num_feat=self.num_feat, num_grow_ch=self.num_grow_ch
        )
        if self.num_block < 0:
            raise ValueError(f"its num_block is {self.num_block}")
        if self.scale not in (1, 2, 4, 8):
            raise ValueError(f"RRDBNet has scales 1, 2, 4 and 8, not {self.scale}")

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError: No RRDBNet has such parameters.
        """
        if not {"conv_first.weight", "body.0.rdb1.conv1.weight", "conv_hr.weight"} <= shapes.keys():
            return None
        num_feat, inputs = shapes["conv_first.weight"][:2]
        channels = shapes.get("conv_last.weight", (COLORS,))[0]
        multiple_of = math.isqrt(inputs // max(1, channels))
        largest = 8 if "conv_up3.weight" in shapes else 4
        blocks = {int(match[1]) for name in shapes if (match := _BLOCK.fullmatch(name))}
        return cls(
            num_feat=num_feat,
            num_block=len(blocks),
            num_grow_ch=shapes["body.0.rdb1.conv1.weight"][0],
            scale=largest // max(1, multiple_of),
            channels=channels,
        )

    @property
    def multiple_of(self) -> int:
        """Factor of the pixel-unshuffle: input px per feature, along each side."""
        return max(1, 4 // self.scale)

    @property
    def upsampling_steps(self) -> int:
        """Number of times that the features are made twice as large."""
        return 3 if self.scale == 8 else 2

    @property
    def min_size(self) -> int:
        """Shortest side of the input, px: one feature."""
        return self.multiple_of

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, input px.

        It counts 15 convolutions per block, two around the body, and the upsampling; each of them
        adds ``multiple_of`` input px.
        """
        return (15 * self.num_block + 2 + UPSAMPLING_REACH) * self.multiple_of

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the end of a dense block, per input px.

        They are the features of the residuals, the features of the block, and their concatenation.
        At 8x they may be fewer than the last features and the result. The upsampling runs in strips
        and is negligible for large tiles.
        """
        dense = (5 * self.num_feat + 8 * self.num_grow_ch) // self.multiple_of**2
        last = self.num_feat // self.multiple_of**2 + self.channels * self.scale**2
        return max(dense, last)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        feat, grow = self.num_feat, self.num_grow_ch
        shapes = convolution_shapes("conv_first", self.channels * self.multiple_of**2, feat)
        for block in range(self.num_block):
            for dense in (1, 2, 3):
                for conv in range(5):
                    name = f"body.{block}.rdb{dense}.conv{conv + 1}"
                    shapes |= convolution_shapes(
                        name, feat + conv * grow, grow if conv < 4 else feat
                    )
        steps = (f"conv_up{step}" for step in range(1, self.upsampling_steps + 1))
        for name in ("conv_body", *steps, "conv_hr"):
            shapes |= convolution_shapes(name, feat, feat)
        return shapes | convolution_shapes("conv_last", feat, self.channels)

    def build(self) -> RRDBNet:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.rrdbnet import RRDBNet

        return RRDBNet(**asdict(self))
