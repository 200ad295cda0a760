"""Convolutions with weight normalization.

Salimans and Kingma, "Weight Normalization: A Simple Reparameterization to Accelerate Training of
Deep Neural Networks", 2016 (arXiv 1602.07868). PyTorch's older implementation is deprecated, and
its newer one has other parameter names than published files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NormalizedConv2d(nn.Module):
    """A convolution whose weight is ``weight_g * weight_v / |weight_v|``, for each output.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the result.
        kernel: Side of the kernel, px; odd. Borders are padded with zeros.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, kernel)
        self.weight_v = plain.weight
        self.weight_g = nn.Parameter(_norms(plain.weight.detach()))
        self.bias = plain.bias
        self._padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, H, W)."""
        weight = self.weight_v * (self.weight_g / _norms(self.weight_v))
        return F.conv2d(x, weight, self.bias, padding=self._padding)


def _norms(weight: Tensor) -> Tensor:
    """Returns the norm of each output's weights, (outputs, 1, 1, 1)."""
    norms: Tensor = torch.linalg.vector_norm(weight, dim=(1, 2, 3), keepdim=True)
    return norms


def parameters_of(convolution: nn.Module) -> tuple[Tensor, Tensor]:
    """Returns a copy of the weight of a convolution or a normalization, and its bias."""
    if isinstance(convolution, NormalizedConv2d):
        v = convolution.weight_v
        bias = convolution.bias
        weight = v * (convolution.weight_g / _norms(v))
    elif isinstance(convolution, nn.Conv2d | nn.BatchNorm2d):
        weight, bias = convolution.weight.clone(), convolution.bias
    else:
        raise TypeError(f"{type(convolution).__name__} has no weight")
    assert bias is not None  # noqa: S101 - all convolutions here have one
    return weight.detach(), bias


@torch.no_grad()
def set_weight_(convolution: nn.Module, weight: Tensor) -> None:
    """Sets the weight of a convolution or a normalization."""
    if isinstance(convolution, NormalizedConv2d):
        convolution.weight_v.copy_(weight)
        convolution.weight_g.copy_(_norms(weight))
    elif isinstance(convolution, nn.Conv2d | nn.BatchNorm2d):
        convolution.weight.copy_(weight)
