"""RRDN: ISR's variant of ESRGAN's residual-in-residual dense network.

Wang et al., 2018 (arXiv 1809.00219), as in idealo's library image-super-resolution (ISR): ReLU,
dense blocks of any depth, and one pixel-shuffle to the colors. Parameters are named after its
layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realesr.models.architectures.rrdn import BETA, RRDNConfig
from realesr.models.networks.base import Carrier, SRNetwork


class DenseBlock(nn.Module):
    """Densely connected 3x3 convolutions with ReLU, a 3x3 one that joins them, and a residual.

    Args:
        num_feat: Channels in and out.
        num_grow_ch: Channels that each convolution adds.
        num_layer: Number of convolutions before the last one.
    """

    def __init__(self, num_feat: int, num_grow_ch: int, num_layer: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(num_feat + n * num_grow_ch, num_grow_ch, 3, padding=1)
            for n in range(num_layer)
        )
        self.lff = nn.Conv2d(num_feat + num_layer * num_grow_ch, num_feat, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        joined = x
        for layer in self.layers:
            joined = torch.cat((joined, F.relu_(layer(joined))), 1)
        residual: Tensor = self.lff(joined)
        return x + residual * BETA


class RRDB(nn.Sequential):
    """Dense blocks in a row with a scaled residual around them."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        residual = x
        for block in self:
            residual = block(residual)
        return x + residual * BETA


class RRDN(SRNetwork):
    """ISR's generator. See :class:`realesr.models.networks.base.SRModel`."""

    def __init__(self, config: RRDNConfig) -> None:
        super().__init__(config)
        feat, channels = config.num_feat, config.channels
        dense = (feat, config.num_grow_ch, config.num_layer)
        self.pre_blocks = nn.Conv2d(channels, feat, 3, padding=1)
        self.body = nn.Sequential(
            *(
                RRDB(*(DenseBlock(*dense) for _ in range(config.num_dense)))
                for _ in range(config.num_block)
            )
        )
        self.post_blocks = nn.Conv2d(feat, feat, 3, padding=1)
        self.pre_shuffle = nn.Conv2d(feat, channels * config.scale**2, 3, padding=1)
        self.output = nn.Conv2d(channels, channels, 3, padding=1)

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The convolutions around the long skip."""
        return (
            Carrier(self.pre_blocks),
            Carrier(self.pre_shuffle, self.scale),
            Carrier(self.output),
        )

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The last convolution of the body."""
        return (self.post_blocks,)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        features = self.pre_blocks(x)
        features = features + self.post_blocks(self.body(features))
        sr: Tensor = self.output(F.pixel_shuffle(self.pre_shuffle(features), self.scale))
        return sr
