"""The mean color of the training images, which networks subtract first and add last."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN = (0.4488, 0.4371, 0.4040)
"""Mean color of DIV2K, RGB in [0, 1], as published with EDSR."""
LEVELS = 255.0
"""Range in which EDSR, RDN and their descendants compute."""


class MeanShift(nn.Module):
    """Subtracts or adds the mean color of images in [0, 255]; it does not learn.

    Its values stand in files as a 1x1 convolution, and files may have other ones.

    Args:
        sign: -1 subtracts, 1 adds.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.eye(len(MEAN))[..., None, None])
        self.register_buffer("bias", sign * LEVELS * torch.tensor(MEAN))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, 3, H, W) to the same shape."""
        return F.conv2d(x, self.weight, self.bias)


def mean_of(x: Tensor) -> Tensor:
    """Returns the mean color, (1, 3, 1, 1) in [0, 1], for images like ``x``."""
    return torch.tensor(MEAN, dtype=x.dtype, device=x.device)[None, :, None, None]
