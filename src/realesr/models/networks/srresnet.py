"""SRResNet: the generator of SRGAN, a residual network with batch normalization.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network", 2017 (arXiv 1609.04802, figure 4). The authors published no weights; layouts of others
differ, so the parameter names are our own. Images are in [0, 1]. The result is linear, or that of
a tanh, as in some versions.
"""

from __future__ import annotations

from torch import Tensor, nn

from realesr.models.architecture import upsampling_factors
from realesr.models.architectures.srresnet import EDGE, SRResNetConfig
from realesr.models.networks.base import Carrier, SRNetwork
from realesr.models.networks.upsampling import step_carriers


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalization, and a residual."""

    def __init__(self, num_feat: int, num_slope: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(num_feat)
        self.act = nn.PReLU(num_slope)
        self.conv2 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(num_feat)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        residual: Tensor = self.norm2(self.conv2(self.act(self.norm1(self.conv1(x)))))
        return x + residual


class UpsamplingStep(nn.Module):
    """A 3x3 convolution, a pixel-shuffle and a PReLU."""

    def __init__(self, num_feat: int, factor: int, num_slope: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_feat, num_feat * factor**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(factor)
        self.act = nn.PReLU(num_slope)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to (N, num_feat, H * factor, W * factor)."""
        larger: Tensor = self.act(self.shuffle(self.conv(x)))
        return larger


class SRResNet(SRNetwork):
    """SRGAN's generator. See :class:`realesr.models.networks.base.SRModel`."""

    def __init__(self, config: SRResNetConfig) -> None:
        super().__init__(config)
        feat, factors = config.num_feat, upsampling_factors(config.scale)
        num_slope = config.num_slope
        self.conv_first = nn.Conv2d(config.channels, feat, EDGE, padding=EDGE // 2)
        self.act_first = nn.PReLU(num_slope)
        self.body = nn.Sequential(
            *(ResidualBlock(feat, num_slope) for _ in range(config.num_block))
        )
        self.conv_body = nn.Conv2d(feat, feat, 3, padding=1)
        self.norm_body = nn.BatchNorm2d(feat)
        self.up = nn.Sequential(*(UpsamplingStep(feat, factor, num_slope) for factor in factors))
        self.conv_last = nn.Conv2d(feat, config.channels, EDGE, padding=EDGE // 2)
        self._is_bounded = config.is_bounded

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The convolutions around the long skip."""
        steps = [step.conv for step in self.up if isinstance(step, UpsamplingStep)]
        return (
            Carrier(self.conv_first),
            *step_carriers(steps, self.scale),
            Carrier(self.conv_last),
        )

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The normalization at the end of the body."""
        return (self.norm_body,)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        features = self.act_first(self.conv_first(x))
        features = features + self.norm_body(self.conv_body(self.body(features)))
        sr: Tensor = self.conv_last(self.up(features))
        return (sr.tanh() + 1) / 2 if self._is_bounded else sr
