"""Fits the color of a trained SRVGG network by least squares; its brightness stays as it is.

Feature losses and discriminators look at edges, and make those of noise and of JPEG's blocks of
color sharper, too. The last convolution is linear in its features, so that the color with the least
squared error that these features allow has a closed solution. The method is this project's own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from realesr.degradation.batches import LUMA
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.training.last_convolution import features_before, with_bias, with_one


@torch.no_grad()
def fit_color(
    network: SRVGGNetCompact, pairs: Iterable[tuple[Tensor, Tensor]], *, hold: float = 1e-5
) -> SRVGGNetCompact:
    """Returns a copy whose color is as near to clean images as its features allow.

    With the features ``f`` around a pixel before the last convolution, whose kernels are ``W``, and
    the clean image ``t`` less the upsampled input, ``V`` minimizes ``mean |V f - t|^2`` plus
    ``hold |V - W|^2`` in units of the features' mean power. Of ``V`` the differences of red, green
    and blue to luma are taken, of ``W`` the luma.

    Args:
        network: The network, in float32.
        pairs: Damaged images, (1, 3, h, w) in [0, 1], and clean ones, (1, 3, H, W); at least one.
        hold: Weight of the distance to the present kernels.
    """
    result = copy.deepcopy(network)
    last = cast(nn.Conv2d, result.body[-1])
    kernels = with_bias(last.weight.flatten(1), last)
    size = kernels.shape[1]
    power = torch.zeros(size, size, dtype=torch.float64)
    products = torch.zeros(size, len(kernels), dtype=torch.float64)
    count = 0
    for damaged, clean in pairs:
        rows = _surroundings(network, damaged)
        scale = clean.shape[-1] // damaged.shape[-1]
        wanted = functional.pixel_unshuffle(clean, scale)
        wanted = wanted - damaged.repeat_interleave(scale**2, 1)
        power += (rows.T @ rows).double()
        products += (rows.T @ wanted[0].flatten(1).T).double()
        count += len(rows)
    power, products = power / count, products / count
    ridge = hold * power.diagonal().mean()
    system = power + ridge * torch.eye(size).double()
    fitted = torch.linalg.solve(system, products + ridge * kernels.T).T
    colors = fitted - _luma_of(fitted) + _luma_of(kernels)
    last.weight.copy_(colors[:, :-1].reshape(last.weight.shape))
    cast(Tensor, last.bias).copy_(colors[:, -1])
    return result


def _surroundings(network: SRVGGNetCompact, image: Tensor) -> Tensor:
    """Returns what the last convolution sees of each pixel, and 1: (h * w, inputs + 1)."""
    last = cast(nn.Conv2d, network.body[-1])
    padding = cast(tuple[int, int], last.padding)
    rows = functional.unfold(features_before(network, image), last.kernel_size, padding=padding)
    return with_one(rows[0].T)


def _luma_of(kernels: Tensor) -> Tensor:
    """Returns the luma's kernel for each of the pixels, once for each channel."""
    channels = torch.unflatten(kernels, 0, (len(LUMA), -1))
    luma = torch.einsum("csk,c->sk", channels, kernels.new_tensor(LUMA))
    return luma.repeat(len(LUMA), 1)
