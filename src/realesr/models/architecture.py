"""What is known of a network without computing it: the interface of all architectures.

An architecture is one frozen dataclass in :mod:`realesr.models.architectures`. Its fields are the
network's hyperparameters. It recognizes its own parameters, knows what tiling must know, and builds
the PyTorch module. :mod:`realesr.models.registry` lists them all. Nothing here imports PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from realesr.models.networks.base import SRNetwork

Shape = tuple[int, ...]

_KERNEL = (3, 3)


@runtime_checkable
class NetworkProperties(Protocol):
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
        """Values that are alive at the same time at the peak, for each input pixel."""
        ...


class Architecture(NetworkProperties, Protocol):
    """Hyperparameters of a network, and everything that follows from them.

    Implementations are frozen dataclasses. A hyperparameter that leaves no trace in the parameters'
    shapes is declared with ``metadata={"hidden": True}``; it is read from the metadata of a file.

    Attributes:
        name: What recipes and the metadata of files call the architecture.
    """

    name: ClassVar[str]

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Reads the hyperparameters off the names and shapes of a network's parameters.

        Returns:
            None if the parameters do not belong to this architecture.

        Raises:
            ValueError, IndexError: They look like it, but do not fit.
        """
        ...

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        ...

    def build(self) -> SRNetwork:
        """Makes the PyTorch module, with random parameters. Imports PyTorch."""
        ...


def convolution_shapes(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    """Returns the parameters of a 3x3 convolution with bias."""
    return {f"{name}.weight": (outputs, inputs, *_KERNEL), f"{name}.bias": (outputs,)}
