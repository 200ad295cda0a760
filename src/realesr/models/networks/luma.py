"""Networks of one channel, which upscale the luma of an image."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realesr.models.architecture import COLORS
from realesr.models.networks.base import SRModel, StripUpsampling
from realesr.models.networks.bicubic import upscale

CHROMA_REACH = 3
"""Radius within which the chroma of an output px depends on input px: bicubic takes 2 on either
side, and an output px lies up to half an input px from the center of its own."""
UNSPLIT_UPSAMPLING = 4
"""Ratio of the memory at the peak if the upsampling of an RRDBNet is not split: 16 times 2 * 64
channels of features and of the result, to 576."""

_TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587), (1, 1.772, 0))
"""Full-range BT.601, as in JPEG: ITU-R BT.601-7, section 2.5.1 and 2.5.2; JFIF 1.02, page 3. Rows
are Y, Cb, Cr and R, G, B; the middle row of the second matrix follows from the first."""


class LumaNetwork(nn.Module):
    """Adapter of a network with one channel to :class:`~realesr.models.networks.base.SRModel`.

    The network upscales Y of full-range BT.601, the matrix with which such networks are trained
    and measured. Cb and Cr are upscaled by a bicubic filter (a = -0.5). A gray image stays gray.
    All of it are operations that ONNX has.

    Args:
        network: An :class:`~realesr.models.networks.base.SRModel`, but for one channel.
    """

    strip_upsampling: StripUpsampling | None = None

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        model = cast(SRModel, network)
        self.network = network
        self.scale = model.scale
        self.multiple_of = model.multiple_of
        self.min_size = model.min_size
        self.receptive_radius = max(model.receptive_radius, CHROMA_REACH)
        factor = 1 if model.strip_upsampling is None else UNSPLIT_UPSAMPLING
        colors = 3 * 3 * model.scale**2  # chroma, YCbCr, RGB
        self.peak_activations_per_pixel = factor * model.peak_activations_per_pixel + colors
        self.architecture = f"{getattr(network, 'architecture', type(network).__name__)}, luma"

    @property
    def low_precision_part(self) -> nn.Module:
        """That of the network."""
        return cast(SRModel, self.network).low_precision_part

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) in [0, 1] to (N, 3, H * scale, W * scale), not clamped."""
        ycbcr = _transformed(x.float(), _TO_YCBCR)
        luma: Tensor = self.network(ycbcr[:, :1].to(x.dtype))
        chroma = upscale(ycbcr[:, 1:], self.scale)
        rgb = _transformed(torch.cat((luma.float(), chroma), 1), _TO_RGB)
        return rgb.to(x.dtype)


def luma_of(rgb: Tensor) -> Tensor:
    """Returns Y of (N, 3, H, W) in [0, 1]: (N, 1, H, W), of the same dtype."""
    return _transformed(rgb.float(), _TO_YCBCR[:1]).to(rgb.dtype)


def for_rgb(network: nn.Module) -> nn.Module:
    """Returns a network that upscales RGB: itself, or one that leaves the luma to it."""
    return LumaNetwork(network) if getattr(network, "channels", COLORS) == 1 else network


def _transformed(colors: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Multiplies each px of (N, 3, H, W) by a matrix of three columns, in float32."""
    weights = torch.tensor(matrix, dtype=torch.float32, device=colors.device)
    return F.conv2d(colors, weights[:, :, None, None])
