"""SRCNN: the first convolutional network for super-resolution.

Dong et al., "Image Super-Resolution Using Deep Convolutional Networks", 2014 (arXiv 1501.00092).
Three convolutions improve a bicubic upscaling of the luma: patches, their mapping, and their
reconstruction. Parameter names are ``conv1`` to ``conv3``, as in widespread PyTorch versions. Here
the input is the small image, and the upscaling is part of the network.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from realesr.models.architectures.srcnn import FIRST, LAST, SRCNNConfig
from realesr.models.networks.base import Carrier, SRNetwork
from realesr.models.networks.bicubic import upscale


class SRCNN(SRNetwork):
    """Three convolutions on a bicubic upscaling.

    See :class:`realesr.models.networks.base.SRModel`; the channels are those of the arguments.

    Args:
        num_feat: Channels of the first convolution.
        num_mapped: Channels of the second one.
        middle: Side of the second kernel, px.
        scale: Factor of the bicubic upscaling.
        channels: Channels of the input and of the result.

    Raises:
        ValueError: No network has such numbers.
    """

    def __init__(
        self,
        *,
        num_feat: int = 64,
        num_mapped: int = 32,
        middle: int = 5,
        scale: int = 4,
        channels: int = 1,
    ) -> None:
        super().__init__(
            SRCNNConfig(
                num_feat=num_feat,
                num_mapped=num_mapped,
                middle=middle,
                scale=scale,
                channels=channels,
            )
        )
        self.conv1 = nn.Conv2d(channels, num_feat, FIRST, padding=FIRST // 2)
        self.conv2 = nn.Conv2d(num_feat, num_mapped, middle, padding=middle // 2)
        self.conv3 = nn.Conv2d(num_mapped, channels, LAST, padding=LAST // 2)

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """All three: the network then starts as the bicubic upscaling."""
        return Carrier(self.conv1), Carrier(self.conv2), Carrier(self.conv3)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        features = F.relu_(self.conv1(upscale(x, self.scale)))
        sr: Tensor = self.conv3(F.relu_(self.conv2(features)))
        return sr
