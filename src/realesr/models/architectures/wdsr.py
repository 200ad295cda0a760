"""Architecture of WDSR. The PyTorch module is in :mod:`realesr.models.networks.wdsr`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import COLORS, Shape, check_size

if TYPE_CHECKING:
    from realesr.models.networks.wdsr import WDSR

SKIP = 5
"""Side of the kernel that leads from the input to the result, px."""

_BLOCK = re.compile(r"body\.(\d+)\.body\.0\.weight_v")


@dataclass(frozen=True, slots=True, kw_only=True)
class WDSRConfig:
    """Hyperparameters of WDSR, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels between the blocks.
        num_block: Residual blocks.
        num_wide: Channels before the activation: 4 times ``num_feat`` in WDSR-A, 6 times in WDSR-B.
        num_linear: Channels between the two convolutions behind the activation of WDSR-B, 0.8 times
            ``num_feat``, rounded down; 0 makes a WDSR-A.
        scale: Output px per input px, along each side.

    Raises:
        ValueError: No WDSR has such numbers.
    """

    name: ClassVar[str] = "wdsr"

    num_feat: int = 32
    num_block: int = 16
    num_wide: int = 128
    num_linear: int = 0
    scale: int = 4

    channels: ClassVar[int] = COLORS
    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        counts = {"num_feat": self.num_feat, "num_wide": self.num_wide}
        check_size(self.channels, self.scale, num_block=self.num_block, **counts)
        if self.num_linear < 0:
            raise ValueError(f"its num_linear is {self.num_linear}")

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No WDSR has such parameters.
        """
        if not {"head.0.weight_v", "body.0.body.2.weight_v", "skip.0.weight_v"} <= shapes.keys():
            return None
        last = "body.0.body.3.weight_v"
        return cls(
            num_feat=shapes["head.0.weight_v"][0],
            num_block=sum(_BLOCK.fullmatch(name) is not None for name in shapes),
            num_wide=shapes["body.0.body.0.weight_v"][0],
            num_linear=shapes[last][1] if last in shapes else 0,
            scale=math.isqrt(shapes["skip.0.weight_v"][0] // COLORS),
        )

    @property
    def block_kernels(self) -> tuple[tuple[int, int, int], ...]:
        """Inputs, outputs and side of the kernel of each convolution of a block."""
        feat, wide, linear = self.num_feat, self.num_wide, self.num_linear
        if linear:
            return (feat, wide, 1), (wide, linear, 1), (linear, feat, 3)
        return (feat, wide, 3), (wide, feat, 3)

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: that of the blocks, and two convolutions around them."""
        block = sum(kernel // 2 for _, _, kernel in self.block_kernels)
        return max(SKIP // 2, 2 + block * self.num_block)

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory in a block, or at the end, per input px."""
        shuffled = self.channels * self.scale**2
        narrow = self.num_linear or self.num_feat
        block = shuffled + self.num_feat + self.num_wide + max(self.num_feat, narrow)
        return max(block, 3 * shuffled)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        shuffled = self.channels * self.scale**2
        shapes = _normalized("head.0", self.channels, self.num_feat, 3)
        layers = (0, 2, 3) if self.num_linear else (0, 2)
        for block in range(self.num_block):
            for layer, (inputs, outputs, kernel) in zip(layers, self.block_kernels, strict=True):
                shapes |= _normalized(f"body.{block}.body.{layer}", inputs, outputs, kernel)
        shapes |= _normalized("tail.0", self.num_feat, shuffled, 3)
        return shapes | _normalized("skip.0", self.channels, shuffled, SKIP)

    def build(self) -> WDSR:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.wdsr import WDSR

        return WDSR(self)


def _normalized(name: str, inputs: int, outputs: int, kernel: int) -> dict[str, Shape]:
    """Returns names and shapes of a convolution with weight normalization."""
    return {
        f"{name}.weight_g": (outputs, 1, 1, 1),
        f"{name}.weight_v": (outputs, inputs, kernel, kernel),
        f"{name}.bias": (outputs,),
    }
