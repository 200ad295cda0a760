"""Inference in strips, for networks whose upsampling needs far more memory than the rest."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from realesr.engine.tiling import strips
from realesr.models.networks.base import SRModel


def in_strips(network: nn.Module) -> nn.Module:
    """Wraps a network so that it upsamples a few rows at a time, if that saves memory."""
    return network if cast(SRModel, network).strip_upsampling is None else _InStrips(network)


class _InStrips(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) to the same result as the network itself."""
        parts = cast(SRModel, self.network).strip_upsampling
        if parts is None:
            raise ValueError("the network has no upsampling that can be split")
        features, factor = parts.extract_features(x), parts.factor
        height, width = features.shape[-2:]
        out: Tensor | None = None
        for strip in strips(height, width, parts.reach):
            upsampled = parts.upsample(features[..., strip.rows, :])
            if (strip.top, strip.bottom) == (0, height):
                return upsampled
            if out is None:
                out = features.new_empty((len(features), 3, factor * height, factor * width))
            whole, own = strip.place(factor)
            out[..., whole, :] = upsampled[..., own, :]
        return cast(Tensor, out)
