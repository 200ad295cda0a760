"""WDSR: residual blocks that are wide before the activation, with weight normalization.

Yu et al., "Wide Activation for Efficient and Accurate Image Super-Resolution", 2018 (arXiv
1808.08718). The whole network works at the input's resolution; a 5x5 convolution leads from the
input to the result. Parameter names are those of the authors' PyTorch version.
"""

from __future__ import annotations

from torch import Tensor, nn

from realesr.models.architectures.wdsr import SKIP, WDSRConfig
from realesr.models.networks.base import Carrier, SRNetwork
from realesr.models.networks.mean_shift import mean_of
from realesr.models.networks.weight_norm import NormalizedConv2d

CONTRAST = 2.0
"""Factor on images in [0, 1] without their mean: the authors divide levels by 127.5."""


class WideBlock(nn.Module):
    """Convolutions of which the first widens, a ReLU behind it, and a residual.

    Args:
        kernels: Inputs, outputs and side of the kernel of each convolution.
    """

    def __init__(self, kernels: tuple[tuple[int, int, int], ...]) -> None:
        super().__init__()
        first, *others = (NormalizedConv2d(*each) for each in kernels)
        self.body = nn.Sequential(first, nn.ReLU(inplace=True), *others)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        residual: Tensor = self.body(x)
        return residual + x


class WDSR(SRNetwork):
    """The wide-activation network. See :class:`realesr.models.networks.base.SRModel`."""

    def __init__(self, config: WDSRConfig) -> None:
        super().__init__(config)
        shuffled = config.channels * config.scale**2
        blocks = (WideBlock(config.block_kernels) for _ in range(config.num_block))
        self.head = nn.Sequential(NormalizedConv2d(config.channels, config.num_feat, 3))
        self.body = nn.Sequential(*blocks)
        self.tail = nn.Sequential(
            NormalizedConv2d(config.num_feat, shuffled, 3), nn.PixelShuffle(config.scale)
        )
        self.skip = nn.Sequential(
            NormalizedConv2d(config.channels, shuffled, SKIP), nn.PixelShuffle(config.scale)
        )

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The skip from the input."""
        return (Carrier(self.skip[0], self.scale),)

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The tail, which is added to the skip."""
        return (self.tail[0],)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) in [0, 1] by ``scale``, not clamped."""
        mean = mean_of(x)
        x = (x - mean) * CONTRAST
        sr: Tensor = self.skip(x) + self.tail(self.body(self.head(x)))
        return sr / CONTRAST + mean
