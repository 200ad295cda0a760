"""The enhancer: a small residual network for perceptual losses.

It follows the idea of neural-enhance (Champandard, 2016): few residual blocks of one convolution,
large kernels at both ends, pixel-shuffles, and training on damaged images with a perceptual loss
(Johnson et al., 2016, arXiv 1603.08155) and then a discriminator. The code, its numbers and its
parameter names are our own; published weights of neural-enhance do not fit.
"""

from __future__ import annotations

from torch import Tensor, nn

from realesr.models.architectures.enhancer import EDGE, EnhancerConfig
from realesr.models.networks.base import Carrier, SRNetwork
from realesr.models.networks.upsampling import shuffling_steps, step_carriers


class Block(nn.Module):
    """A 3x3 convolution with a PReLU, and a residual."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.act = nn.PReLU(num_feat, init=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        residual: Tensor = self.act(self.conv(x))
        return x + residual


class Enhancer(SRNetwork):
    """The enhancer. See :class:`realesr.models.networks.base.SRModel`."""

    def __init__(self, config: EnhancerConfig) -> None:
        super().__init__(config)
        feat = config.num_feat
        self.encode = nn.Conv2d(config.channels, feat, EDGE, padding=EDGE // 2)
        self.act = nn.PReLU(feat)
        self.blocks = nn.Sequential(*(Block(feat) for _ in range(config.num_block)))
        self.upscale = shuffling_steps(feat, config.scale)
        self.decode = nn.Conv2d(feat, config.channels, EDGE, padding=EDGE // 2)

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The convolutions around the blocks."""
        convolutions = [each for each in self.upscale if isinstance(each, nn.Conv2d)]
        return (
            Carrier(self.encode),
            *step_carriers(convolutions, self.scale),
            Carrier(self.decode),
        )

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The convolutions of the blocks."""
        return tuple(block.conv for block in self.blocks if isinstance(block, Block))

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        features = self.blocks(self.act(self.encode(x)))
        sr: Tensor = self.decode(self.upscale(features))
        return sr
