"""RDN: residual dense blocks whose results are all joined.

Zhang et al., "Residual Dense Network for Image Super-Resolution", 2018 (arXiv 1802.08797).
Parameter names are those of widespread PyTorch versions; those of ISR's tail are its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realesr.models.architectures.rdn import ISR_FEATURES, RDNConfig
from realesr.models.networks.base import Carrier, SRNetwork
from realesr.models.networks.upsampling import shuffling_steps, step_carriers


class DenseLayer(nn.Module):
    """A 3x3 convolution with a ReLU, whose result is joined to its input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inputs, H, W) to (N, inputs + outputs, H, W)."""
        return torch.cat((x, F.relu_(self.conv(x))), 1)


class ResidualDenseBlock(nn.Module):
    """Densely connected layers, a 1x1 convolution that joins them, and a residual.

    Args:
        num_feat: Channels in and out.
        num_grow_ch: Channels that each layer adds.
        num_layer: Number of layers.
    """

    def __init__(self, num_feat: int, num_grow_ch: int, num_layer: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(DenseLayer(num_feat + n * num_grow_ch, num_grow_ch) for n in range(num_layer))
        )
        self.lff = nn.Conv2d(num_feat + num_layer * num_grow_ch, num_feat, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        residual: Tensor = self.lff(self.layers(x))
        return x + residual


class RDN(SRNetwork):
    """The residual dense network. See :class:`realesr.models.networks.base.SRModel`."""

    def __init__(self, config: RDNConfig) -> None:
        super().__init__(config)
        feat, channels = config.num_feat, config.channels
        block = (feat, config.num_grow_ch, config.num_layer)
        self.sfe1 = nn.Conv2d(channels, feat, 3, padding=1)
        self.sfe2 = nn.Conv2d(feat, feat, 3, padding=1)
        self.rdbs = nn.ModuleList(ResidualDenseBlock(*block) for _ in range(config.num_block))
        self.gff = nn.Sequential(
            nn.Conv2d(config.num_block * feat, feat, 1), nn.Conv2d(feat, feat, 3, padding=1)
        )
        self._tail = config.tail
        if config.tail == "steps":
            self.upscale = shuffling_steps(feat, config.scale)
            self.output = nn.Conv2d(feat, channels, 3, padding=1)
            return
        first, second = ISR_FEATURES
        wide = channels * config.scale**2
        self.upn1 = nn.Conv2d(feat, first, 5, padding=2)
        self.upn2 = nn.Conv2d(first, second, 3, padding=1)
        self.upn3 = nn.Conv2d(second, wide, 3, padding=1)
        last = wide if config.tail == "repeat" else channels
        self.output = nn.Conv2d(last, channels, 3, padding=1)

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The convolutions around the long skip."""
        first, last = Carrier(self.sfe1), Carrier(self.output)
        if self._tail == "steps":
            convolutions = [each for each in self.upscale if isinstance(each, nn.Conv2d)]
            return first, *step_carriers(convolutions, self.scale), last
        factor = self.scale if self._tail == "shuffle" else 1
        return first, Carrier(self.upn1), Carrier(self.upn2), Carrier(self.upn3, factor), last

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The last convolution of the body."""
        return (self.gff[1],)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        first = self.sfe1(x)
        features = self.sfe2(first)
        results = []
        for block in self.rdbs:
            features = block(features)
            results.append(features)
        features = self.gff(torch.cat(results, 1)) + first
        del results, first
        sr: Tensor = self.output(self._enlarged(features))
        return sr

    def _enlarged(self, features: Tensor) -> Tensor:
        if self._tail == "steps":
            larger: Tensor = self.upscale(features)
            return larger
        features = F.relu_(self.upn2(F.relu_(self.upn1(features))))
        features = self.upn3(features)
        if self._tail == "shuffle":
            return F.pixel_shuffle(features, self.scale)
        return F.interpolate(features, scale_factor=self.scale)
