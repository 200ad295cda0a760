"""The interface of all architectures: properties of networks that need no computation.

An architecture is one frozen dataclass in :mod:`realesr.models.architectures`. Its fields are the
network's hyperparameters. It detects its own parameters, provides the properties that tiling needs,
and builds the PyTorch module. :mod:`realesr.models.registry` lists all architectures. This module
does not import PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from realesr.models.networks.base import SRNetwork

Shape = tuple[int, ...]

COLORS = 3
"""Channels of an RGB image."""
MAX_SCALE = 16
"""Largest scale of a network: a larger one is a mistake in its parameters."""


def check_size(channels: int, scale: int, **counts: int) -> None:
    """Checks hyperparameters that every architecture has.

    Args:
        channels: Channels of the input and of the result.
        scale: Output px per input px, along each side.
        **counts: Other numbers, which must be positive.

    Raises:
        ValueError: A number is that of no network that upscales images.
    """
    if channels not in (1, COLORS):
        raise ValueError(f"it has {channels} channels, and images have {COLORS}, or 1 if gray")
    if not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"its scale is {scale}, and not one of 1 to {MAX_SCALE}")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"its {name} is {count}")


@runtime_checkable
class NetworkProperties(Protocol):
    """Properties of a fully convolutional super-resolution network that the engine needs."""

    @property
    def scale(self) -> int:
        """Output px per input px, along each side."""
        ...

    @property
    def multiple_of(self) -> int:
        """Number of px of which both sides of the input must be multiples."""
        ...

    @property
    def min_size(self) -> int:
        """Shortest allowed side of the input, px."""
        ...

    @property
    def receptive_radius(self) -> int:
        """Largest distance of an input px that an output px depends on, px along either axis.

        With an overlap of at least this radius, rounded up to ``multiple_of``, a tiled result
        equals the result without tiles.
        """
        ...

    @property
    def peak_activations_per_pixel(self) -> int:
        """Largest number of values in memory at the same time, per input px."""
        ...


class Architecture(NetworkProperties, Protocol):
    """Hyperparameters of a network, and the properties that follow from them.

    A network with one channel upscales the luma of an image.

    Implementations are frozen dataclasses. A hyperparameter that does not affect the shapes of the
    parameters is declared with ``metadata={"hidden": True}``; it is read from the metadata of a
    file.

    Attributes:
        name: Name of the architecture in recipes and in the metadata of files.
    """

    name: ClassVar[str]

    @property
    def channels(self) -> int:
        """Channels of the input and of the result: 3 for RGB, 1 for luma."""
        ...

    @classmethod
    def detect(cls, shapes: Mapping[str, Shape]) -> Self | None:
        """Derives the hyperparameters from the names and shapes of a network's parameters.

        Returns:
            The hyperparameters; None if the parameters do not belong to this architecture.

        Raises:
            ValueError, IndexError: The names fit this architecture, but the shapes do not.
        """
        ...

    def parameter_shapes(self) -> dict[str, Shape]:
        """Returns the names and shapes of all parameters."""
        ...

    def build(self) -> SRNetwork:
        """Builds the PyTorch module, with random parameters. Imports PyTorch."""
        ...


def convolution_shapes(name: str, inputs: int, outputs: int, kernel: int = 3) -> dict[str, Shape]:
    """Returns the names and shapes of the parameters of a convolution with bias."""
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def upsampling_factors(scale: int) -> tuple[int, ...]:
    """Returns the factors of the steps in which features are upscaled: 2 and 2 for 4, 3 for 3.

    Raises:
        ValueError: The scale is neither 3 nor a power of 2.
    """
    if scale == 3:
        return (3,)
    if scale < 1 or scale & (scale - 1):
        raise ValueError(f"it has scales 3 and powers of 2, not {scale}")
    return (2,) * (scale.bit_length() - 1)


def upsampling_scale(outputs: Iterable[int], channels: int) -> int:
    """Returns the product of the factors of steps that end with a pixel-shuffle.

    Args:
        outputs: Channels that the convolution of each step gives.
        channels: Channels behind each pixel-shuffle.
    """
    return math.prod(math.isqrt(each // max(1, channels)) for each in outputs)


def upsampling_radius(factors: Sequence[int], last: int) -> int:
    """Returns the receptive radius of steps of a 3x3 convolution and a pixel-shuffle, features.

    Args:
        factors: Factor of each step.
        last: Receptive radius of what follows at the scale of the result, px.
    """
    radius = last
    for factor in reversed(factors):
        radius = -(-radius // factor) + 1
    return radius
