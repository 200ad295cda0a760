"""Losses on pixel values; images are (N, 3, H, W) RGB, nominally in [0, 1]; results are scalars."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CHARBONNIER_EPSILON = 1e-3
"""Epsilon of the Charbonnier loss, as in LapSRN's code."""


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Returns the mean absolute difference."""
    return F.l1_loss(sr.float(), hr.float())


def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Returns the mean squared difference."""
    return F.mse_loss(sr.float(), hr.float())


def charbonnier(sr: Tensor, hr: Tensor, epsilon: float = CHARBONNIER_EPSILON) -> Tensor:
    """Returns the mean of ``sqrt(d^2 + epsilon^2)``, a smooth L1 (Lai et al., LapSRN, 2017, eq. 3).

    basicsr writes ``sqrt(d^2 + eps)``: its ``eps`` is the square of this one.
    """
    return torch.sqrt((sr.float() - hr.float()).square() + epsilon**2).mean()


def averaged_l1(sr: Tensor, hr: Tensor, size: int = 16) -> Tensor:
    """Returns the L1 distance of the mean colors of areas of ``size`` x ``size`` px."""
    return F.l1_loss(F.avg_pool2d(sr.float(), size), F.avg_pool2d(hr.float(), size))
