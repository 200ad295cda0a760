"""The interface of PyTorch networks, and the base class of this package's networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from realesr.models.architecture import Architecture, NetworkProperties


@dataclass(frozen=True, slots=True)
class StripUpsampling:
    """A network in two parts, of which the second part can process a few rows at a time.

    Attributes:
        extract_features: Maps (N, 3, H, W) to (N, C, h, w).
        upsample: Maps (N, C, h, w), or some of its rows, to the result.
        factor: Number of result rows per row of features.
        reach: Number of rows of features on either side that a row of the result depends on.
    """

    extract_features: Callable[[Tensor], Tensor]
    upsample: Callable[[Tensor], Tensor]
    factor: int
    reach: int


@dataclass(frozen=True, slots=True)
class Carrier:
    """A convolution through which an upscaling of the input can pass.

    Attributes:
        convolution: The convolution; its first outputs can carry the channels of the image.
        factor: Px that it makes of one, along each side, with the pixel-shuffle behind it.
        gain: Factor on what is carried.
    """

    convolution: nn.Module
    factor: int = 1
    gain: float = 1.0


@runtime_checkable
class SRModel(NetworkProperties, Protocol):
    """A fully convolutional super-resolution network in PyTorch."""

    @property
    def strip_upsampling(self) -> StripUpsampling | None:
        """The two parts of the network; None if upsampling in strips saves no memory."""
        ...

    @property
    def low_precision_part(self) -> nn.Module:
        """Part that takes nearly all of the time and tolerates rounding.

        In mixed precision it computes in bfloat16. It may be empty.
        """
        ...

    def __call__(self, x: Tensor, /) -> Tensor:
        """Upscales a batch.

        Args:
            x: (N, 3, H, W) RGB, floating point, nominally in [0, 1].

        Returns:
            (N, 3, H * scale, W * scale) RGB, same dtype and device as ``x``, nominally in [0, 1]
            but not clamped.
        """
        ...


class SRNetwork(nn.Module):
    """Base class of this package's networks.

    Scale, size constraints and memory needs come from the configuration.

    Args:
        config: The hyperparameters.
    """

    def __init__(self, config: Architecture) -> None:
        super().__init__()
        self.config = config

    @property
    def scale(self) -> int:
        """Output px per input px, along each side."""
        return self.config.scale

    @property
    def channels(self) -> int:
        """Channels of the input and of the result: 3 for RGB, 1 for luma."""
        return self.config.channels

    @property
    def multiple_of(self) -> int:
        """Number of px of which both sides of the input must be multiples."""
        return self.config.multiple_of

    @property
    def min_size(self) -> int:
        """Shortest allowed side of the input, px."""
        return self.config.min_size

    @property
    def receptive_radius(self) -> int:
        """Largest distance of an input px that an output px depends on, px along either axis."""
        return self.config.receptive_radius

    @property
    def peak_activations_per_pixel(self) -> int:
        """Largest number of values in memory at the same time, per input px."""
        return self.config.peak_activations_per_pixel

    @property
    def strip_upsampling(self) -> StripUpsampling | None:
        """None: upsampling in strips saves no memory."""
        return None

    @property
    def low_precision_part(self) -> nn.Module:
        """Empty part: it was not measured which layers tolerate rounding."""
        return nn.ModuleList()

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """Convolutions that an upscaling of the input can pass, in order.

        ``initialization = "identity"`` of a recipe lets it pass. None by default.
        """
        return ()

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """Last convolutions of what is added to these, which start small."""
        return ()
