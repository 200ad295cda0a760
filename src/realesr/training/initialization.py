"""First values of the parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from realesr.models.networks.base import SRNetwork
from realesr.models.networks.weight_norm import NormalizedConv2d, parameters_of, set_weight_

NOISE_SHARE = 0.3
OUTPUT_SHARE = 0.1


KAIMING_SHARE = 0.1
"""Factor on Kaiming's values (ESRGAN, supplementary material: 0.1)."""
NORMAL_DEVIATION = 1e-3
"""Standard deviation of SRCNN's first values (Dong et al., 2014, section 4.1)."""
UNIFORM_LIMIT = 0.05
"""Largest of ISR's first values."""


def initialize_(network: nn.Module, kind: str) -> None:
    """Sets the first values of a network, as the recipe asks for; in place.

    Args:
        network: The network.
        kind: ``identity``, ``smooth``, ``kaiming``, ``normal``, ``uniform``, or ``default``, which
            changes nothing.
    """
    is_carried = kind in ("identity", "smooth")
    if is_carried and isinstance(network, SRNetwork) and network.carriers:
        carry_(network, is_smooth=kind == "smooth")
    elif is_carried:
        near_identity_(network)
    elif kind != "default":
        for module in network.modules():
            if isinstance(module, nn.Conv2d | NormalizedConv2d):
                _draw_(module, kind)


@torch.no_grad()
def _draw_(convolution: nn.Module, kind: str) -> None:
    weight, bias = parameters_of(convolution)
    if kind == "kaiming":
        nn.init.kaiming_normal_(weight).mul_(KAIMING_SHARE)
    elif kind == "normal":
        nn.init.normal_(weight, std=NORMAL_DEVIATION)
    else:
        nn.init.uniform_(weight, -UNIFORM_LIMIT, UNIFORM_LIMIT)
    set_weight_(convolution, weight)
    bias.zero_()


@torch.no_grad()
def carry_(network: SRNetwork, *, is_smooth: bool = False) -> None:
    """Makes a network start as an upscaling of its input; in place.

    The first outputs of its carriers pass the colors on, each to all px that it becomes. Other
    outputs keep their random values, of which the last carrier and the branches let little through.
    A network without a skip from its input would otherwise spend its first steps on learning to
    repeat colors.

    Args:
        network: Its carriers and branches are changed.
        is_smooth: Whether colors are interpolated, and nothing else reaches the result at first;
            otherwise they are repeated.
    """
    share = 0.0 if is_smooth else OUTPUT_SHARE
    for number, carrier in enumerate(network.carriers, 1):
        weight, bias = parameters_of(carrier.convolution)
        carried = network.channels * carrier.factor**2
        weight[:carried] *= share if number == len(network.carriers) else 0
        center, reach = weight.shape[2] // 2, int(is_smooth and carrier.factor > 1)
        middle = slice(center - reach, center + reach + 1)
        for output in range(carried):
            channel, phase = divmod(output, carrier.factor**2)
            kernel = _kernel(phase, carrier.factor) if reach else torch.ones(1, 1)
            weight[output, channel, middle, middle] = carrier.gain * kernel.to(weight)
        bias[:carried] = 0
        set_weight_(carrier.convolution, weight)
    for branch in network.branches:
        weight, bias = parameters_of(branch)
        bias.zero_()
        set_weight_(branch, weight * share)


def _kernel(phase: int, factor: int) -> Tensor:
    """Returns the (3, 3) taps of a px of a pixel-shuffle: the parabola through three px.

    Args:
        phase: Number of the px among those that one becomes, row by row.
        factor: Px that one becomes, along each side.
    """
    taps = []
    for place in divmod(phase, factor):
        t = (place + 0.5) / factor - 0.5
        taps.append(torch.tensor([t * (t - 1) / 2, 1 - t * t, t * (t + 1) / 2]))
    return torch.outer(*taps)


@torch.no_grad()
def near_identity_(network: nn.Module, *, negative_slope: float = 0.25) -> None:
    """Makes every square 3x3 convolution pass its input on, plus some noise; in place.

    A plain chain of convolutions has no skip connections, and PyTorch's own first values shrink the
    signal at every layer. Identity kernels (Zagoruyko and Komodakis, "DiracNets", 2017, arXiv
    1706.00388) let it through: after 250 steps the L1 loss of a 48-feature, 16-convolution SRVGG
    was 0.0555, against 0.0572 with Kaiming's and 0.0595 with PyTorch's values (bicubic: 0.0567).
    The last convolution starts small, so that the network begins as nearest-neighbor upsampling.

    Args:
        network: Its convolutions are changed, in the order of its modules.
        negative_slope: Of the activations, for the size of the noise (Kaiming et al., 2015).
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        weight = convolution.weight
        nn.init.kaiming_normal_(weight, a=negative_slope)
        if weight.shape[0] == weight.shape[1]:
            center = weight.shape[2] // 2
            weight.mul_(NOISE_SHARE)
            weight[:, :, center, center] += torch.eye(len(weight))
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
    convolutions[-1].weight.mul_(OUTPUT_SHARE)
