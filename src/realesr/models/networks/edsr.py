"""EDSR: residual blocks without normalization.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", 2017 (arXiv
1707.02921). The baseline has 16 blocks of 64 features; the large one 32 blocks of 256, whose
residuals are scaled by 0.1. Parameter names are those of the authors' PyTorch version.
"""

from __future__ import annotations

from torch import Tensor, nn

from realesr.models.architectures.edsr import EDSRConfig
from realesr.models.networks.base import Carrier, SRNetwork
from realesr.models.networks.mean_shift import LEVELS, MeanShift
from realesr.models.networks.upsampling import shuffling_steps, step_carriers


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a ReLU between them, and a scaled residual.

    Args:
        num_feat: Channels in and out.
        res_scale: Factor on the residual.
    """

    def __init__(self, num_feat: int, res_scale: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
        )
        self._res_scale = res_scale

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        residual: Tensor = self.body(x)
        return x + residual * self._res_scale


class EDSR(SRNetwork):
    """The enhanced deep residual network. See :class:`realesr.models.networks.base.SRModel`."""

    def __init__(self, config: EDSRConfig) -> None:
        super().__init__(config)
        feat = config.num_feat
        blocks = (ResidualBlock(feat, config.res_scale) for _ in range(config.num_block))
        self.sub_mean = MeanShift(-1)
        self.add_mean = MeanShift(1)
        self.head = nn.Sequential(nn.Conv2d(self.channels, feat, 3, padding=1))
        self.body = nn.Sequential(*blocks, nn.Conv2d(feat, feat, 3, padding=1))
        self.tail = nn.Sequential(
            shuffling_steps(feat, config.scale), nn.Conv2d(feat, self.channels, 3, padding=1)
        )

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """Head and tail, around the long skip."""
        steps, last = self.tail
        convolutions = [each for each in steps.children() if isinstance(each, nn.Conv2d)]
        return (
            Carrier(self.head[0]),
            *step_carriers(convolutions, self.scale),
            Carrier(last),
        )

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The last convolution of the body."""
        return (self.body[-1],)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) in [0, 1] by ``scale``, not clamped."""
        features = self.head(self.sub_mean(x * LEVELS))
        features = features + self.body(features)
        sr: Tensor = self.add_mean(self.tail(features))
        return sr / LEVELS
