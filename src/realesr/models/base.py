"""What every super-resolution network of this package offers to the engine."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from realesr.models.architecture import Architecture


@runtime_checkable
class SRModel(Architecture, Protocol):
    """A fully convolutional super-resolution network in PyTorch."""

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

    Scale, size constraints and memory needs come from its configuration.

    Args:
        sizes: Of the network.
    """

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        self.sizes = sizes

    @property
    def scale(self) -> int:
        """Output pixels per input pixel, along each side."""
        return self.sizes.scale

    @property
    def multiple_of(self) -> int:
        """Both sides of the input must be a multiple of this number of pixels."""
        return self.sizes.multiple_of

    @property
    def min_size(self) -> int:
        """Neither side of the input may be shorter than this number of pixels."""
        return self.sizes.min_size

    @property
    def receptive_radius(self) -> int:
        """An output pixel depends on no input pixel farther than this, px along either axis."""
        return self.sizes.receptive_radius

    @property
    def peak_activations_per_pixel(self) -> int:
        """How many values are alive at the same time at the peak, for each input pixel."""
        return self.sizes.peak_activations_per_pixel
