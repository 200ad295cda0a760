"""Losses on pixel values; images are (N, 3, H, W) RGB, nominally in [0, 1]; results are scalars."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CHARBONNIER_EPSILON = 1e-3
"""Epsilon of the Charbonnier loss, as in LapSRN's code."""

AREA_SIZE = 16
"""Side of the areas whose colors are averaged, px."""
WEAVE_CELLS = 8
"""Side of the windows in which a pattern is looked for, px of the input."""


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


def averaged_l1(sr: Tensor, hr: Tensor, size: int = AREA_SIZE) -> Tensor:
    """Returns the L1 distance of the mean colors of areas of ``size`` x ``size`` px."""
    return F.l1_loss(F.avg_pool2d(sr.float(), size), F.avg_pool2d(hr.float(), size))


def weave(sr: Tensor, hr: Tensor, scale: int, cells: int = WEAVE_CELLS) -> Tensor:
    """Returns how far errors repeat from one pixel of the input to the next.

    Each pixel of the input becomes ``scale`` x ``scale`` px. Their errors are averaged place by
    place over ``cells`` x ``cells`` pixels of the input. What then differs between places is a
    pattern that the network weaves, and its mean square is the loss. Texture that does not repeat,
    and a shift of all places, cost nearly nothing. The definition is this project's own.

    Args:
        sr: (N, 3, H, W); its corner is a corner of a pixel of the input.
        hr: (N, 3, H, W).
        scale: Px for one px of the input, along each side.
        cells: Side of a window, px of the input.
    """
    errors = F.pixel_unshuffle(sr.float() - hr.float(), scale)
    count, _, rows, columns = errors.shape
    side = min(cells, rows, columns)
    means = F.avg_pool2d(errors, side, stride=max(1, side // 2))
    places = means.view(count, sr.shape[1], scale * scale, *means.shape[2:])
    return (places - places.mean(2, keepdim=True)).square().mean()
