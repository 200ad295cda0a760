"""What every super-resolution network of this package offers to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from realesr.models.architecture import Architecture, NetworkProperties


@dataclass(frozen=True, slots=True)
class StripUpsampling:
    """A network in two parts, of which the second may get some rows of what the first gives.

    Attributes:
        extract_features: Maps (N, 3, H, W) to (N, C, h, w).
        upsample: Maps (N, C, h, w), or some of its rows, to the result.
        factor: Result rows per row of features.
        reach: Rows of features that a row of the result depends on, to either side.
    """

    extract_features: Callable[[Tensor], Tensor]
    upsample: Callable[[Tensor], Tensor]
    factor: int
    reach: int


@runtime_checkable
class SRModel(NetworkProperties, Protocol):
    """A fully convolutional super-resolution network in PyTorch."""

    @property
    def strip_upsampling(self) -> StripUpsampling | None:
        """How to upsample a few rows of features at a time; None where that saves no memory."""
        ...

    @property
    def low_precision_part(self) -> nn.Module:
        """The part that takes nearly all of the time and whose rounding hardly shows.

        In mixed precision it computes in fewer bits. It may be empty.
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
        """Output pixels per input pixel, along each side."""
        return self.config.scale

    @property
    def multiple_of(self) -> int:
        """Both sides of the input must be a multiple of this number of pixels."""
        return self.config.multiple_of

    @property
    def min_size(self) -> int:
        """Neither side of the input may be shorter than this number of pixels."""
        return self.config.min_size

    @property
    def receptive_radius(self) -> int:
        """An output pixel depends on no input pixel farther than this, px along either axis."""
        return self.config.receptive_radius

    @property
    def peak_activations_per_pixel(self) -> int:
        """Values that are alive at the same time at the peak, for each input pixel."""
        return self.config.peak_activations_per_pixel

    @property
    def strip_upsampling(self) -> StripUpsampling | None:
        """How to upsample a few rows of features at a time; None where that saves no memory."""
        return None
