"""SRVGGNetCompact without its parameters. The module is in :mod:`realesr.models.networks.srvgg`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import Shape, convolution_shapes

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
    """

    name: ClassVar[str] = "srvgg"

    num_feat: int = 64
    num_conv: int = 16
    scale: int = 4

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Reads the hyperparameters off the parameters; None if these are of another network."""
        if not {"body.0.weight", "body.1.weight", "body.2.weight"} <= shapes.keys():
            return None
        # A safetensors file has its names sorted as text: body.10 comes before body.2.
        found = {int(m[1]): shapes[m[0]] for m in map(_WEIGHT.fullmatch, shapes) if m}
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

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        channels = [3, *(self.num_feat,) * (self.num_conv + 1), 3 * self.scale**2]
        shapes: dict[str, Shape] = {}
        for layer, (inputs, outputs) in enumerate(pairwise(channels)):
            shapes |= convolution_shapes(f"body.{2 * layer}", inputs, outputs)
            if layer <= self.num_conv:
                shapes[f"body.{2 * layer + 1}.weight"] = (outputs,)
        return shapes

    def build(self) -> SRVGGNetCompact:
        """Makes the PyTorch module, with random parameters."""
        from realesr.models.networks.srvgg import SRVGGNetCompact

        return SRVGGNetCompact(**asdict(self))
