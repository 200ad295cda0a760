"""Locally discriminative learning: a loss on pixels that look like artifacts.

Liang et al., "Details or Artifacts: A Locally Discriminative Learning Approach to Realistic Image
Super-Resolution", 2022 (arXiv 2203.09195), section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 7
"""Side of the neighborhood whose variance is taken, px."""
EXPONENT = 1 / 5
"""Exponent of the variance of the whole residual."""


def artifact_map(sr: Tensor, hr: Tensor, average: Tensor) -> Tensor:
    """Returns the weight of each pixel as a likely artifact, (N, 1, H, W).

    The weight is the local variance of the residual, times a power of the variance of the whole
    residual. It is 0 where the residual is smaller than that of the moving average's output.
    """
    residual = (hr - sr).abs().sum(dim=1, keepdim=True)
    stable = (hr - average).abs().sum(dim=1, keepdim=True)
    overall = residual.var(dim=(1, 2, 3), keepdim=True).pow(EXPONENT)
    reach = WINDOW // 2
    padded = F.pad(residual, (reach,) * 4, mode="reflect")
    windows = padded.unfold(2, WINDOW, 1).unfold(3, WINDOW, 1)
    local = windows.var(dim=(-1, -2))
    return torch.where(residual < stable, torch.zeros_like(local), overall * local)


def ldl(sr: Tensor, hr: Tensor, average: Tensor) -> Tensor:
    """Returns the mean of ``|map * (sr - hr)|``, a scalar.

    The map is a constant weight without a gradient. basicsr differentiates it, so the loss weights
    of published recipes do not apply unchanged.

    Args:
        sr: (N, 3, H, W) RGB, the generator's output.
        hr: (N, 3, H, W) RGB, clean.
        average: (N, 3, H, W) RGB, the output of the generator's moving average.
    """
    sr, hr = sr.float(), hr.float()
    weight = artifact_map(sr.detach(), hr, average.float())
    return (weight * (sr - hr)).abs().mean()
