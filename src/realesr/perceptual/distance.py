"""Distances between the features of two batches of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Mapping[str, Tensor]
"""(N, C, h, w) by name of the layer, as a ``FeatureExtractor`` returns them."""

_EPSILON = 1e-10
"""Added to the squared length, where it also bounds the gradient of features that are all zero."""


def feature_distance(first: Features, second: Features) -> Tensor:
    """Computes LPIPS without learned weights.

    Zhang et al., 2018, arXiv 1801.03924, equation 1 with all w = 1: at each position, features are
    divided by their length over channels; the squared differences are summed over channels,
    averaged over positions, and summed over layers. Computed in float32, also under autocast.

    Args:
        first: (N, C, h, w) by layer, floating point; at least one layer.
        second: The same, for at least the same layers.

    Returns:
        (N,) float32, 0 for equal features, at most 4 for each layer.

    Raises:
        KeyError: A layer of ``first`` is not in ``second``.
    """
    total = torch.zeros((), device=next(iter(first.values())).device)
    for name, features in first.items():
        difference = _unit(features.float()) - _unit(second[name].float())
        total = total + difference.square().sum(dim=1).mean(dim=(1, 2))
    return total


def _unit(features: Tensor) -> Tensor:
    return features / torch.sqrt(features.square().sum(dim=1, keepdim=True) + _EPSILON)


def l1_distance(first: Features, second: Features, weights: Mapping[str, float]) -> Tensor:
    """Computes the weighted sum of mean absolute differences: ESRGAN's perceptual loss.

    Wang et al., 2018, arXiv 1809.00219, section 3.3; weights of Real-ESRGAN are in
    :data:`realesr.perceptual.vgg.ESRGAN_LAYERS`. Computed in float32, also under autocast.

    Args:
        first: (N, C, h, w) by layer, floating point.
        second: The same.
        weights: Of each layer that counts; at least one.

    Returns:
        Scalar, float32; the mean is over images, channels and positions.

    Raises:
        KeyError: A layer is not among the features.
    """
    return _weighted_sum(F.l1_loss, first, second, weights)


def mse_distance(first: Features, second: Features, weights: Mapping[str, float]) -> Tensor:
    """Computes the weighted sum of mean squared differences: SRGAN's content loss.

    Ledig et al., 2017, arXiv 1609.04802, equation 5; its weight is in
    :data:`realesr.perceptual.vgg.SRGAN_LAYERS`. Computed in float32, also under autocast.

    Args:
        first: (N, C, h, w) by layer, floating point.
        second: The same.
        weights: Of each layer that counts; at least one.

    Returns:
        Scalar, float32; the mean is over images, channels and positions.

    Raises:
        KeyError: A layer is not among the features.
    """
    return _weighted_sum(F.mse_loss, first, second, weights)


def texture_distance(first: Features, second: Features, windows: Mapping[str, int]) -> Tensor:
    """Computes how far local textures differ, wherever in a window their details lie.

    EnhanceNet's texture matching loss (Sajjadi et al., 2017, arXiv 1612.07919, equation 5): Gram
    matrices of features, which count how often pairs of features occur together, are compared in
    windows. Features are divided by their root mean square in ``second``, so that all layers count
    alike. Computed in float32, also under autocast.

    Args:
        first: (N, C, h, w) by layer, floating point.
        second: The same.
        windows: Side of the windows by layer, px of its features; what is left at the right and
            bottom edges does not count.

    Returns:
        Scalar, float32: the mean over windows of the Frobenius norm of the difference divided by
        C, summed over layers.

    Raises:
        KeyError: A layer is not among the features.
    """
    parts = []
    for name, side in windows.items():
        scale = second[name].float().square().mean().sqrt() + _EPSILON
        grams = [_local_grams(each[name].float() / scale, side) for each in (first, second)]
        difference = (grams[0] - grams[1]).square().sum(dim=(1, 2))
        parts.append(torch.sqrt(difference + _EPSILON).mean() / grams[0].shape[1])
    return torch.stack(parts).sum()


def _local_grams(features: Tensor, side: int) -> Tensor:
    """Returns the Gram matrix of each window, (N * windows, C, C)."""
    count, channels, height, width = features.shape
    rows, columns = height // side, width // side
    windows = features[..., : rows * side, : columns * side]
    windows = windows.reshape(count, channels, rows, side, columns, side)
    windows = windows.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, side * side)
    return windows @ windows.transpose(1, 2) / (side * side)


def _weighted_sum(
    loss: Callable[[Tensor, Tensor], Tensor],
    first: Features,
    second: Features,
    weights: Mapping[str, float],
) -> Tensor:
    parts = [w * loss(first[name].float(), second[name].float()) for name, w in weights.items()]
    return torch.stack(parts).sum()
