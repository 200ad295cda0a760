"""Networks as they leave PyTorch: plain operations, any size, values in [0, 1]."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realesr.models.networks.base import SRModel
from realesr.models.networks.rrdbnet import RRDB
from realesr.models.networks.srvgg import SRVGGNetCompact


class ExchangeNetwork(nn.Module):
    """A network with the conventions of exchanged files: (N, 3, H, W) RGB in [0, 1], both ways.

    Args:
        model: A :class:`~realesr.models.networks.base.SRModel`.
        has_padding: Whether sides that are no multiples of what the network needs are reflected
            up to the next multiple, and the result is cut. Otherwise the caller has to do so.
    """

    def __init__(self, model: nn.Module, *, has_padding: bool = True) -> None:
        super().__init__()
        properties = cast(SRModel, model)
        self.scale = properties.scale
        self.multiple_of = properties.multiple_of
        self._has_padding = has_padding and self.multiple_of > 1
        self.network = PlainCompact(model) if isinstance(model, SRVGGNetCompact) else model

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) in [0, 1] to (N, 3, H * scale, W * scale), clamped to [0, 1]."""
        height, width = x.shape[-2:]
        if self._has_padding:
            below, right = -height % self.multiple_of, -width % self.multiple_of
            x = F.pad(x, (0, right, 0, below), mode="reflect")
        sr: Tensor = self.network(x)
        if self._has_padding:
            sr = sr[..., : height * self.scale, : width * self.scale]
        return sr.clamp(0, 1)


class PlainCompact(nn.Module):
    """SRVGGNetCompact without views and sums in place, which converters misread.

    Args:
        network: The network, whose layers are shared.
    """

    def __init__(self, network: SRVGGNetCompact) -> None:
        super().__init__()
        self.body = nn.Sequential(*network.body)
        self.upsampler = network.upsampler
        self._scale = network.scale

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) by the network's scale, not clamped."""
        base = x if self._scale == 1 else F.interpolate(x, scale_factor=self._scale)
        upscaled: Tensor = self.upsampler(self.body(x)) + base
        return upscaled


def keep_blocks_apart(model: nn.Module) -> None:
    """Puts a copy behind each RRDB, which tracing sees and a converter drops again.

    pnnx names a sum after all that it is made of, so that names double with every block: 20 GB
    for RealESRGAN_x4plus.
    """
    for block in model.modules():
        if isinstance(block, RRDB):
            block.register_forward_hook(lambda _block, _inputs, output: output.clone())


def sample(height: int, width: int, *, count: int = 1, seed: int = 0) -> Tensor:
    """Returns images for comparisons, (N, 3, height, width) in [0, 1]: smooth, with some noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=True)
    noise = torch.randn(count, 3, height, width, generator=generator)
    return (smooth + 0.02 * noise).clamp(0, 1)
