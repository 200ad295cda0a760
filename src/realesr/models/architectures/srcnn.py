"""Architecture of SRCNN. The PyTorch module is in :mod:`realesr.models.networks.srcnn`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

from realesr.models.architecture import Shape, check_size, convolution_shapes

if TYPE_CHECKING:
    from realesr.models.networks.srcnn import SRCNN

FIRST, LAST = 9, 5
"""Sides of the first and the last kernel, px (section 4.1 of the paper)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SRCNNConfig:
    """Hyperparameters of SRCNN, an :class:`~realesr.models.architecture.Architecture`.

    Attributes:
        num_feat: Channels of the first convolution.
        num_mapped: Channels of the second one.
        middle: Side of the second kernel, px: 5 or 1 in the paper.
        scale: Factor of the bicubic upscaling. It leaves no trace in the parameters; a file that
            does not state it counts as 4x.
        channels: Channels of the input and of the result: 1 for luma, as in the paper, or 3.

    Raises:
        ValueError: No SRCNN has such numbers.
    """

    name: ClassVar[str] = "srcnn"

    num_feat: int = 64
    num_mapped: int = 32
    middle: int = 5
    scale: int = field(default=4, metadata={"hidden": True})
    channels: int = 1

    multiple_of: ClassVar[int] = 1
    min_size: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_size(*(self.channels, self.scale), num_feat=self.num_feat, num_mapped=self.num_mapped)
        if self.middle not in (1, 3, 5, 7):
            raise ValueError(f"its second kernel has a side of {self.middle} px")

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the parameters; None for another architecture.

        Raises:
            ValueError, IndexError: No SRCNN has such parameters.
        """
        names = {f"conv{layer}.{kind}" for layer in (1, 2, 3) for kind in ("weight", "bias")}
        if shapes.keys() != names:
            return None
        num_feat, channels = shapes["conv1.weight"][:2]
        num_mapped, _, middle, _ = shapes["conv2.weight"]
        return cls(num_feat=num_feat, num_mapped=num_mapped, middle=middle, channels=channels)

    @property
    def receptive_radius(self) -> int:
        """Receptive radius, input px: the convolutions see upscaled px, and these two px each."""
        radius = FIRST // 2 + self.middle // 2 + LAST // 2
        if self.scale == 1:
            return radius
        # An output px at the edge of an input px sees up to 0.5 + (radius - 0.5) / scale input px
        # away; the bicubic filter reaches the px that lie less than two px farther.
        return -(-(self.scale + 2 * radius - 1) // (2 * self.scale)) + 1

    @property
    def peak_activations_per_pixel(self) -> int:
        """Number of values in memory at the peak, per input px: two layers of features."""
        return (self.num_feat + self.num_mapped) * self.scale**2

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        return (
            convolution_shapes("conv1", self.channels, self.num_feat, FIRST)
            | convolution_shapes("conv2", self.num_feat, self.num_mapped, self.middle)
            | convolution_shapes("conv3", self.num_mapped, self.channels, LAST)
        )

    def build(self) -> SRCNN:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        from realesr.models.networks.srcnn import SRCNN

        return SRCNN(**asdict(self))
