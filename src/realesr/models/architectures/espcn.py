"""Architecture of ESPCN. The PyTorch module is in :mod:`realesr.models.networks.espcn`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import Shape, check_size, convolution_shapes

if TYPE_CHECKING:
    from realesr.models.networks.espcn import ESPCN

FIRST = 5
"""Side of the first kernel, px; the others have 3 (section 3.1 of the paper)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ESPCNConfig:
    """Hyperparameters of ESPCN, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the first convolution.
        num_mapped: Channels of the second one.
        scale: Output px per input px, along each side.
        channels: Channels of the input and of the result: 1 for luma, as in the paper, or 3.

    Raises:
        ValueError: No ESPCN has such numbers.
    """

    name: ClassVar[str] = "espcn"

    num_feat: int = 64
    num_mapped: int = 32
    scale: int = 4
    channels: int = 1

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1
    receptive_radius: ClassVar[int] = FIRST // 2 + 1 + 1

    def __post_init__(self) -> None:
        check_size(*(self.channels, self.scale), num_feat=self.num_feat, num_mapped=self.num_mapped)

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No ESPCN has such parameters.
        """
        layers = ("first_part.0.weight", "first_part.2.weight", "last_part.0.weight")
        if not shapes.keys() >= set(layers):
            return None
        first, second, last = (shapes[name] for name in layers)
        channels = first[1]
        scale = math.isqrt(last[0] // max(1, channels))
        return cls(num_feat=first[0], num_mapped=second[0], scale=scale, channels=channels)

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the peak, per input px.

        They are two layers of features, or the result before and after the pixel-shuffle.
        """
        shuffled = self.channels * self.scale**2
        return max(self.num_feat + max(self.num_feat, self.num_mapped), 2 * shuffled)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        return (
            convolution_shapes("first_part.0", self.channels, self.num_feat, FIRST)
            | convolution_shapes("first_part.2", self.num_feat, self.num_mapped)
            | convolution_shapes("last_part.0", self.num_mapped, self.channels * self.scale**2)
        )

    def build(self) -> ESPCN:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.espcn import ESPCN

        return ESPCN(**asdict(self))
