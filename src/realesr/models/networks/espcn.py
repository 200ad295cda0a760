"""ESPCN: the network that introduced the pixel-shuffle.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network", 2016 (arXiv 1609.05158). Three convolutions work at the input's
resolution; the last one gives all px that an input px becomes. Parameter names are those of
widespread PyTorch versions.
"""

from __future__ import annotations

from torch import Tensor, nn

from realesr.models.architectures.espcn import FIRST, ESPCNConfig
from realesr.models.networks.base import Carrier, SRNetwork

LINEAR = 0.25
"""Factor under which tanh hardly bends what is carried through it."""


class ESPCN(SRNetwork):
    """Three convolutions with tanh, and a pixel-shuffle.

    See :class:`realesr.models.networks.base.SRModel`; the channels are those of the arguments.

    Args:
        num_feat: Channels of the first convolution.
        num_mapped: Channels of the second one.
        scale: Output px per input px, along each side.
        channels: Channels of the input and of the result.

    Raises:
        ValueError: No network has such numbers.
    """

    def __init__(
        self, *, num_feat: int = 64, num_mapped: int = 32, scale: int = 4, channels: int = 1
    ) -> None:
        super().__init__(
            ESPCNConfig(num_feat=num_feat, num_mapped=num_mapped, scale=scale, channels=channels)
        )
        self.first_part = nn.Sequential(
            nn.Conv2d(channels, num_feat, FIRST, padding=FIRST // 2),
            nn.Tanh(),
            nn.Conv2d(num_feat, num_mapped, 3, padding=1),
            nn.Tanh(),
        )
        self.last_part = nn.Sequential(
            nn.Conv2d(num_mapped, channels * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """All three: the network then starts near the nearest-neighbor upscaling."""
        return (
            Carrier(self.first_part[0], gain=LINEAR),
            Carrier(self.first_part[2]),
            Carrier(self.last_part[0], self.scale, gain=1 / LINEAR),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        sr: Tensor = self.last_part(self.first_part(x))
        return sr
