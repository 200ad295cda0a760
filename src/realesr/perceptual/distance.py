"""Distances between the features of two batches of images."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Mapping[str, Tensor]

_EPSILON = 1e-10


def feature_distance(first: Features, second: Features) -> Tensor:
    """Returns the distance of unit-length features, (N,).

    LPIPS without learned weights (Zhang et al., 2018, equation 1 with all w = 1): at each position,
    features are divided by their length; the squared differences are summed over channels, averaged
    over positions, and summed over layers.

    Args:
        first: (N, C, h, w) by layer.
        second: The same.
    """
    total = torch.zeros((), device=next(iter(first.values())).device)
    for name, features in first.items():
        difference = _unit(features.float()) - _unit(second[name].float())
        total = total + difference.square().sum(dim=1).mean(dim=(1, 2))
    return total


def _unit(features: Tensor) -> Tensor:
    return features / torch.sqrt(features.square().sum(dim=1, keepdim=True) + _EPSILON)


def l1_distance(first: Features, second: Features, weights: Mapping[str, float]) -> Tensor:
    """Returns the weighted sum of mean absolute differences, a scalar: ESRGAN's perceptual loss."""
    parts = [
        w * F.l1_loss(first[name].float(), second[name].float()) for name, w in weights.items()
    ]
    return torch.stack(parts).sum()


def mse_distance(first: Features, second: Features, weights: Mapping[str, float]) -> Tensor:
    """Returns the weighted sum of mean squared differences, a scalar: SRGAN's content loss."""
    parts = [
        w * F.mse_loss(first[name].float(), second[name].float()) for name, w in weights.items()
    ]
    return torch.stack(parts).sum()
