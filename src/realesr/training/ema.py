"""Exponential moving average of a network's parameters."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """Keeps ``average = decay * average + (1 - decay) * parameters`` in a second network.

    Args:
        network: The network in training.
        decay: Share of the average that survives a step, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Takes one step towards the parameters of ``network``."""
        averages = list[Tensor](self.network.parameters())
        torch._foreach_lerp_(averages, list[Tensor](network.parameters()), 1 - self._decay)
