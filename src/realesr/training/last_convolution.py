"""The last convolution of an SRVGG network as a matrix, and the features that it sees.

It is linear, so that corrections of it have closed solutions: :mod:`realesr.training.color_fit` and
:mod:`realesr.training.evenness`.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from realesr.models.networks.srvgg import SRVGGNetCompact


def features_before(network: SRVGGNetCompact, images: Tensor) -> Tensor:
    """Returns what the last convolution of ``network`` gets, (N, features, H, W)."""
    for layer in network.body[:-1]:
        images = layer(images)
    return images


def with_one(rows: Tensor) -> Tensor:
    """Appends a column of ones, by which a bias is multiplied."""
    return torch.cat([rows, torch.ones_like(rows[:, :1])], 1)


def with_bias(kernels: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Appends the bias to one row of weights for each output, and returns float64."""
    return torch.cat([kernels, cast(Tensor, convolution.bias)[:, None]], 1).double()
