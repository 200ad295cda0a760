"""MSRResNet: SRResNet without batch normalization, on top of a bilinear upscaling.

Ledig et al., 2017 (arXiv 1609.04802), as changed for ESRGAN's comparisons (Wang et al., 2018, arXiv
1809.00219). Parameter names are those of its published checkpoints.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from realesr.models.architecture import upsampling_factors
from realesr.models.architectures.msrresnet import MSRResNetConfig
from realesr.models.networks.base import SRNetwork

NEGATIVE_SLOPE = 0.1
"""Slope of the leaky ReLU for negative inputs."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a ReLU between them, and a residual."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv2 = nn.Conv2d(num_feat, num_feat, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        residual: Tensor = self.conv2(F.relu_(self.conv1(x)))
        return x + residual


class MSRResNet(SRNetwork):
    """SRResNet without normalization. See :class:`realesr.models.networks.base.SRModel`."""

    def __init__(self, config: MSRResNetConfig) -> None:
        super().__init__(config)
        feat = config.num_feat
        self._factors = upsampling_factors(config.scale)
        self.conv_first = nn.Conv2d(config.channels, feat, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(feat) for _ in range(config.num_block)))
        for step, factor in enumerate(self._factors, 1):
            self.add_module(f"upconv{step}", nn.Conv2d(feat, feat * factor**2, 3, padding=1))
        self.conv_hr = nn.Conv2d(feat, feat, 3, padding=1)
        self.conv_last = nn.Conv2d(feat, config.channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        features = self.body(F.leaky_relu_(self.conv_first(x), NEGATIVE_SLOPE))
        for step, factor in enumerate(self._factors, 1):
            features = self.get_submodule(f"upconv{step}")(features)
            features = F.leaky_relu_(F.pixel_shuffle(features, factor), NEGATIVE_SLOPE)
        detail: Tensor = self.conv_last(F.leaky_relu_(self.conv_hr(features), NEGATIVE_SLOPE))
        return detail + F.interpolate(x, scale_factor=self.scale, mode="bilinear")
