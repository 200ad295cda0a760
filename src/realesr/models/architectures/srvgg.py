"""Architecture of SRVGGNetCompact. PyTorch module: :mod:`realesr.models.networks.srvgg`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import COLORS, Shape, check_size, convolution_shapes

if TYPE_CHECKING:
    from realesr.models.networks.srvgg import SRVGGNetCompact

_WEIGHT = re.compile(r"body\.(\d+)\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class SRVGGConfig:
    """Hyperparameters of SRVGGNetCompact, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the intermediate features.
        num_conv: 3x3 convolutions between the first and the last one.
        scale: Output pixels per input pixel, along each side.
        channels: Channels of the input and of the result: 3 for RGB, 1 for luma.

    Raises:
        ValueError: No network has such numbers.
    """

    name: ClassVar[str] = "srvgg"

    num_feat: int = 64
    num_conv: int = 16
    scale: int = 4
    channels: int = COLORS

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_size(self.channels, self.scale, num_feat=self.num_feat)
        if self.num_conv < 0:
            raise ValueError(f"its num_conv is {self.num_conv}")

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No SRVGGNetCompact has such parameters.
        """
        if not {"body.0.weight", "body.1.weight", "body.2.weight"} <= shapes.keys():
            return None
        # Names in a safetensors file are sorted as text: body.10 comes before body.2.
        found = {int(m[1]): shapes[m[0]] for m in map(_WEIGHT.fullmatch, shapes) if m}
        convolutions = [found[index] for index in sorted(found) if len(found[index]) == 4]
        num_feat, channels = convolutions[0][:2]
        return cls(
            num_feat=num_feat,
            num_conv=len(convolutions) - 2,
            scale=math.isqrt(convolutions[-1][0] // max(1, channels)),
            channels=channels,
        )

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, px: one for each 3x3 convolution."""
        return self.num_conv + 2

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the peak, per input px.

        They are two layers of features, or the result before and after the pixel-shuffle.
        """
        return max(2 * self.num_feat, 2 * self.channels * self.scale**2)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        features = (self.num_feat,) * (self.num_conv + 1)
        channels = [self.channels, *features, self.channels * self.scale**2]
        shapes: dict[str, Shape] = {}
        for layer, (inputs, outputs) in enumerate(pairwise(channels)):
            shapes |= convolution_shapes(f"body.{2 * layer}", inputs, outputs)
            if layer <= self.num_conv:
                shapes[f"body.{2 * layer + 1}.weight"] = (outputs,)
        return shapes

    def build(self) -> SRVGGNetCompact:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.srvgg import SRVGGNetCompact

        return SRVGGNetCompact(**asdict(self))
