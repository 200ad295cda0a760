"""Inference of networks whose upsampling would take far more memory than the rest."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from realesr.engine.tiling import strips
from realesr.models.networks.base import SRModel


def in_strips(network: nn.Module) -> nn.Module:
    """Wraps a network so that it upsamples a few rows at a time, where that saves memory."""
    return network if cast(SRModel, network).strip_upsampling is None else _InStrips(network)


class _InStrips(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W); the result is the network's own."""
        parts = cast(SRModel, self.network).strip_upsampling
        if parts is None:
            raise ValueError("the network has no upsampling that can be split")
        features, factor = parts.extract_features(x), parts.factor
        height, width = features.shape[-2:]
        out: Tensor | None = None
        for strip in strips(height, width, parts.reach):
            upsampled = parts.upsample(features[..., strip.first : strip.last, :])
            if (strip.top, strip.bottom) == (0, height):
                return upsampled
            if out is None:
                out = features.new_empty((len(features), 3, factor * height, factor * width))
            inner = slice(factor * (strip.top - strip.first), factor * (strip.bottom - strip.first))
            out[..., factor * strip.top : factor * strip.bottom, :] = upsampled[..., inner, :]
        return cast(Tensor, out)
