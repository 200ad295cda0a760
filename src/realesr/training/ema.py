"""Exponential moving average of a network's parameters."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """Keeps ``average = decay * average + (1 - decay) * parameters`` in a second network.

    The decay warms up as ``(1 + step) / (10 + step)``, so that the first values, which are random
    or another network's, do not stay in the average for thousands of steps.

    Args:
        network: The network in training.
        decay: Share of the average that survives a step, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves the average towards the parameters of ``network`` after step number ``step``."""
        decay = min(self._decay, (1 + step) / (10 + step))
        averages = list[Tensor](self.network.parameters())
        torch._foreach_lerp_(averages, list[Tensor](network.parameters()), 1 - decay)
        for average, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            average.copy_(buffer)
