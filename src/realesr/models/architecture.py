"""The networks of this package without their parameters: sizes, and what follows from them.

Loads nothing heavy: what computes them, PyTorch or the native engine, comes later.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Protocol, Self, runtime_checkable

Shape = tuple[int, ...]

RESIDUAL_SCALE = 0.2
"""Factor on each residual branch of RRDBNet (ESRGAN, section 3.1: a number in [0, 1]; 0.2 in its
code)."""
NEGATIVE_SLOPE = 0.2
"""Slope of its leaky ReLU for negative inputs (ESRGAN's code)."""
STRIP_FEATURES = 2**15
"""How many features its tail takes at a time in inference: at 4x, they take 16 times the memory."""
TAIL_REACH = 2
"""How far its tail sees, in features (:attr:`RRDBNetConfig.receptive_radius` tells why)."""

_KERNEL = (3, 3)
_SRVGG_WEIGHT = re.compile(r"body\.(\d+)\.weight")
_RRDB_BLOCK = re.compile(r"body\.(\d+)\.rdb1\.conv1\.weight")


@runtime_checkable
class Architecture(Protocol):
    """What the engine must know of a fully convolutional super-resolution network."""

    @property
    def scale(self) -> int:
        """Output pixels per input pixel, along each side."""
        ...

    @property
    def multiple_of(self) -> int:
        """Both sides of the input must be a multiple of this number of pixels."""
        ...

    @property
    def min_size(self) -> int:
        """Neither side of the input may be shorter than this number of pixels."""
        ...

    @property
    def receptive_radius(self) -> int:
        """An output pixel depends on no input pixel farther than this, px along either axis.

        With an overlap of at least this radius, rounded up to ``multiple_of``, a tiled result
        equals the whole one.
        """
        ...

    @property
    def peak_activations_per_pixel(self) -> int:
        """How many values are alive at the same time at the peak, for each input pixel."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SRVGGConfig:
    """Hyperparameters of SRVGGNetCompact and the properties that follow from them.

    Attributes:
        num_feat: Channels of the intermediate features.
        num_conv: 3x3 convolutions between the first and the last one.
        scale: Output pixels per input pixel, along each side.
    """

    num_feat: int = 64
    num_conv: int = 16
    scale: int = 4

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Reads them off the parameters; None if these are not of such a network."""
        if not {"body.0.weight", "body.1.weight", "body.2.weight"} <= shapes.keys():
            return None
        # A safetensors file has its names sorted as text: body.10 comes before body.2.
        found = {int(m[1]): shapes[m[0]] for m in map(_SRVGG_WEIGHT.fullmatch, shapes) if m}
        convolutions = [found[index] for index in sorted(found) if len(found[index]) == 4]
        return cls(
            num_feat=convolutions[0][0],
            num_conv=len(convolutions) - 2,
            scale=math.isqrt(convolutions[-1][0] // 3),
        )

    @property
    def receptive_radius(self) -> int:
        """One pixel for each 3x3 convolution."""
        return self.num_conv + 2

    @property
    def peak_activations_per_pixel(self) -> int:
        """Two layers of features, or two results: before and after the shuffle."""
        return max(2 * self.num_feat, 2 * 3 * self.scale**2)

    def parameters(self) -> dict[str, Shape]:
        """The names and shapes of all parameters."""
        channels = [3, *(self.num_feat,) * (self.num_conv + 1), 3 * self.scale**2]
        shapes: dict[str, Shape] = {}
        for layer, (inputs, outputs) in enumerate(pairwise(channels)):
            shapes |= _convolution(f"body.{2 * layer}", inputs, outputs)
            if layer <= self.num_conv:
                shapes[f"body.{2 * layer + 1}.weight"] = (outputs,)
        return shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class RRDBNetConfig:
    """Hyperparameters of RRDBNet and the properties that follow from them.

    Attributes:
        num_feat: Channels of the intermediate features.
        num_block: Number of RRDB blocks (23 in x4plus and x2plus, 6 in x4plus_anime_6B).
        num_grow_ch: Channels that each convolution of a dense block adds.
        scale: 4, 2 or 1.

    Raises:
        ValueError: ``scale`` is not 4, 2 or 1.
    """

    num_feat: int = 64
    num_block: int = 23
    num_grow_ch: int = 32
    scale: int = 4

    def __post_init__(self) -> None:
        if self.scale not in (1, 2, 4):
            raise ValueError(f"RRDBNet has scales 1, 2 and 4, not {self.scale}")

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Reads them off the parameters; None if these are not of such a network.

        Raises:
            ValueError: They are of one that there is not.
        """
        if not {"conv_first.weight", "body.0.rdb1.conv1.weight", "conv_hr.weight"} <= shapes.keys():
            return None
        num_feat, channels = shapes["conv_first.weight"][:2]
        blocks = [int(match[1]) for name in shapes if (match := _RRDB_BLOCK.fullmatch(name))]
        return cls(
            num_feat=num_feat,
            num_block=max(blocks) + 1,
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
        """15 convolutions a block, two around the body, and 2 features for the upsampling tail.

        The tail: 3 pixels at 4x (conv_up2, conv_hr, conv_last) reach 2 pixels at 2x; with conv_up1
        3 pixels at 2x reach 2 features, and that from the outermost of a feature's pixels only. So
        a feature counts for ``multiple_of`` input pixels, and no phase is left over.
        """
        return (15 * self.num_block + 2 + 2) * self.multiple_of

    @property
    def peak_activations_per_pixel(self) -> int:
        """At the end of a dense block: the features of the residuals, the block's own, and all of
        them side by side; and what a strip of the tail holds, which hardly counts in large tiles.
        """
        return (5 * self.num_feat + 8 * self.num_grow_ch) // self.multiple_of**2

    def parameters(self) -> dict[str, Shape]:
        """The names and shapes of all parameters."""
        feat, grow = self.num_feat, self.num_grow_ch
        shapes = _convolution("conv_first", 3 * self.multiple_of**2, feat)
        for block in range(self.num_block):
            for dense in (1, 2, 3):
                for conv in range(5):
                    name = f"body.{block}.rdb{dense}.conv{conv + 1}"
                    shapes |= _convolution(name, feat + conv * grow, grow if conv < 4 else feat)
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            shapes |= _convolution(name, feat, feat)
        return shapes | _convolution("conv_last", feat, 3)


Sizes = SRVGGConfig | RRDBNetConfig
ARCHITECTURES: dict[str, type[Sizes]] = {"srvgg": SRVGGConfig, "rrdbnet": RRDBNetConfig}
"""What recipes name."""


def detect_architecture(shapes: Mapping[str, Shape]) -> Sizes | None:
    """Finds the architecture that parameters belong to, by their names and shapes.

    Returns:
        Its sizes, or None if it is none known here. Parameters beyond those that tell are not
        looked at.

    Raises:
        ValueError, IndexError: They look like one, but do not fit.
    """
    return RRDBNetConfig.of(shapes) or SRVGGConfig.of(shapes)


def _convolution(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, *_KERNEL), f"{name}.bias": (outputs,)}
