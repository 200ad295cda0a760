"""Takes the pattern out of what a trained SRVGG network makes of even areas.

The 16 px that become of one px at x4 have weights of their own in the last convolution, and
training makes them agree only nearly: one gray comes out as a checkerboard of up to a level. In an
even area all features are constant, so that the result is an affine function of them, and the last
convolution's correction is a problem of linear least squares with a closed solution. The method is
this project's own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.training.last_convolution import features_before, with_bias, with_one

_STEPS = 13
"""Values of each channel in the grid of colors."""


@torch.no_grad()
def even_out(
    network: SRVGGNetCompact, pictures: Iterable[Tensor], *, hold: float = 0.03, ridge: float = 3e-4
) -> SRVGGNetCompact:
    """Returns a copy whose results of even colors are even.

    With the features ``f`` of a color before the last convolution and the deviations ``d`` of its
    results from their mean over the px of a cell, the correction ``S`` minimizes
    ``mean |d + S f|^2`` over a grid of colors, plus ``hold`` times ``mean |S f|^2`` over the
    features of pictures, which should stay as they are, plus ``ridge |S|^2`` in units of the
    features' mean power.

    Args:
        network: The network, in float32.
        pictures: Small images as the network gets them, (1, 3, H, W) in [0, 1].
        hold: Weight of what changes in pictures, relative to what deviates on even colors.
        ridge: Weight of the correction's own size.
    """
    result = copy.deepcopy(network)
    last = cast(nn.Conv2d, result.body[-1])
    colors = _colors()
    constant = features_before(_wrapped(network), colors[..., None, None])
    even = with_one(constant.flatten(1).double())
    kernels = with_bias(last.weight.sum((2, 3)), last)
    deviations = _less_mean(even @ kernels.T, len(colors[0]))
    power = even.T @ even / len(even)
    held = torch.zeros_like(power)
    count = 0
    for picture in pictures:
        features = functional.avg_pool2d(features_before(network, picture), 3, 1, 1)
        rows = with_one(features[0].flatten(1).T.double())
        held += rows.T @ rows / len(rows)
        count += 1
    held /= max(1, count)
    size = len(power)
    system = power + hold * held + ridge * power.trace() / size * torch.eye(size).double()
    correction = torch.linalg.solve(system, -(even.T @ deviations) / len(even)).T
    # Each of the nine weights of a kernel gets a ninth of what their sum should gain.
    last.weight += (correction[:, :-1, None, None] / last.weight[0, 0].numel()).float()
    cast(Tensor, last.bias).add_(correction[:, -1].float())
    return result


def _colors() -> Tensor:
    """Returns a grid of colors and a scale of grays, (N, 3) in [0, 1]."""
    steps = torch.linspace(0, 1, _STEPS)
    grays = torch.linspace(0, 1, 256)[:, None].repeat(4, 3)
    return torch.cat([torch.cartesian_prod(steps, steps, steps), grays])


def _wrapped(network: SRVGGNetCompact) -> SRVGGNetCompact:
    """Returns a copy that takes one px for an endless even area."""
    copied = copy.deepcopy(network)
    for module in copied.modules():
        if isinstance(module, nn.Conv2d):
            module.weight = nn.Parameter(module.weight.sum((2, 3), keepdim=True))
            module.padding, module.kernel_size = (0, 0), (1, 1)
    return copied


def _less_mean(results: Tensor, channels: int) -> Tensor:
    cells = results.reshape(len(results), channels, -1)
    return (cells - cells.mean(2, keepdim=True)).flatten(1)
