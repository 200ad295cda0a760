"""RRDBNet without its parameters. The module is in :mod:`realesr.models.networks.rrdbnet`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import Shape, convolution_shapes

if TYPE_CHECKING:
    from realesr.models.networks.rrdbnet import RRDBNet

RESIDUAL_SCALE = 0.2
"""Factor on each residual branch (ESRGAN, section 3.1: a number in [0, 1]; 0.2 in its code)."""
NEGATIVE_SLOPE = 0.2
"""Slope of the leaky ReLU for negative inputs (ESRGAN's code)."""
UPSAMPLING_REACH = 2
"""Features that the upsampling sees to either side. At 4x, three pixels (conv_up2, conv_hr,
conv_last) reach two pixels at 2x; with conv_up1, three pixels at 2x reach two features, and that
from the outermost of a feature's pixels alone."""

_BLOCK = re.compile(r"body\.(\d+)\.rdb1\.conv1\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class RRDBNetConfig:
    """Hyperparameters of RRDBNet, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the intermediate features.
        num_block: Number of RRDB blocks (23 in x4plus and x2plus, 6 in x4plus_anime_6B).
        num_grow_ch: Channels that each convolution of a dense block adds.
        scale: 4, 2 or 1.

    Raises:
        ValueError: ``scale`` is not 4, 2 or 1.
    """

    name: ClassVar[str] = "rrdbnet"

    num_feat: int = 64
    num_block: int = 23
    num_grow_ch: int = 32
    scale: int = 4

    def __post_init__(self) -> None:
        if self.scale not in (1, 2, 4):
            raise ValueError(f"RRDBNet has scales 1, 2 and 4, not {self.scale}")

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Reads the hyperparameters off the parameters; None if these are of another network.

        Raises:
            ValueError: No RRDBNet has such parameters.
        """
        if not {"conv_first.weight", "body.0.rdb1.conv1.weight", "conv_hr.weight"} <= shapes.keys():
            return None
        num_feat, channels = shapes["conv_first.weight"][:2]
        blocks = {int(match[1]) for name in shapes if (match := _BLOCK.fullmatch(name))}
        return cls(
            num_feat=num_feat,
            num_block=len(blocks),
            num_grow_ch=shapes["body.0.rdb1.conv1.weight"][0],
            scale=4 // math.isqrt(channels // 3),
        )

    @property
    def multiple_of(self) -> int:
        """The pixel-unshuffle factor: input pixels per feature, along each side."""
        return 4 // self.scale

    @property
    def min_size(self) -> int:
        """One feature."""
        return self.multiple_of

    @property
    def receptive_radius(self) -> int:
        """15 convolutions a block, two around the body, and the upsampling.

        Each counts for ``multiple_of`` input pixels, and no phase is left over.
        """
        return (15 * self.num_block + 2 + UPSAMPLING_REACH) * self.multiple_of

    @property
    def peak_activations_per_pixel(self) -> int:
        """What is held at the end of a dense block, for each input pixel.

        That is the features of the residuals, the block's own, and all of them side by side. The
        upsampling runs in strips and hardly counts in large tiles.
        """
        return (5 * self.num_feat + 8 * self.num_grow_ch) // self.multiple_of**2

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        feat, grow = self.num_feat, self.num_grow_ch
        shapes = convolution_shapes("conv_first", 3 * self.multiple_of**2, feat)
        for block in range(self.num_block):
            for dense in (1, 2, 3):
                for conv in range(5):
                    name = f"body.{block}.rdb{dense}.conv{conv + 1}"
                    shapes |= convolution_shapes(
                        name, feat + conv * grow, grow if conv < 4 else feat
                    )
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            shapes |= convolution_shapes(name, feat, feat)
        return shapes | convolution_shapes("conv_last", feat, 3)

    def build(self) -> RRDBNet:
        """Makes the PyTorch module, with random parameters."""
        from realesr.models.networks.rrdbnet import RRDBNet

        return RRDBNet(**asdict(self))
