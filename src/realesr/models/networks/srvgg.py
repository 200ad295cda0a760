"""SRVGGNetCompact: the small, VGG-style network of the realesr-animevideov3 and general models.

A plain chain of 3x3 convolutions at the input's resolution and one pixel-shuffle at the end; it
learns the difference to nearest-neighbor upsampling. Published with Real-ESRGAN (Wang et al.,
2021, arXiv 2107.10833; ``srvgg_arch.py`` of the reference project), whose parameter names are kept
so that its checkpoints load strictly.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.networks.base import SRNetwork


class SRVGGNetCompact(SRNetwork):
    """A compact VGG-style network. See :class:`realesr.models.networks.base.SRModel`.

    Args:
        num_feat: Channels of the intermediate features.
        num_conv: 3x3 convolutions between the first and the last one.
        scale: Output pixels per input pixel, along each side.
        channels: Channels of the input and of the result.

    Raises:
        ValueError: No network has such numbers.
    """

    def __init__(
        self, *, num_feat: int = 64, num_conv: int = 16, scale: int = 4, channels: int = 3
    ) -> None:
        super().__init__(
            SRVGGConfig(num_feat=num_feat, num_conv=num_conv, scale=scale, channels=channels)
        )
        body: list[nn.Module] = [nn.Conv2d(channels, num_feat, 3, padding=1), nn.PReLU(num_feat)]
        for _ in range(num_conv):
            body += [nn.Conv2d(num_feat, num_feat, 3, padding=1), nn.PReLU(num_feat)]
        body.append(nn.Conv2d(num_feat, channels * scale**2, 3, padding=1))
        self.body = nn.ModuleList(body)
        self.upsampler = nn.PixelShuffle(scale)

    @property
    def low_precision_part(self) -> nn.ModuleList:
        """All layers except the first and the last convolution, whose rounding costs 6 to 10 dB."""
        return self.body[1:-1]

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        features = x
        for layer in self.body:
            weight = cast(Tensor, layer.weight)
            dtype = weight.dtype  # differs from x only in mixed precision
            features = layer(features.to(dtype))
        # Adds the nearest-neighbor upsampling: each input px to all channels that become its px.
        torch.unflatten(features, 1, (x.shape[1], -1)).add_(x[:, :, None])
        sr: Tensor = self.upsampler(features)
        return sr
