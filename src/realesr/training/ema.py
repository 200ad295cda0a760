"""Exponential moving average of a network's parameters."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


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
        values = [*network.parameters(), *network.buffers()]
        averages = [*self.network.parameters(), *self.network.buffers()]
        pairs = list(zip(averages, values, strict=True))
        continuous = [pair for pair in pairs if pair[0].is_floating_point()]
        moved: list[Tensor] = [average for average, _ in continuous]
        torch._foreach_lerp_(moved, [value for _, value in continuous], 1 - decay)
        for average, value in pairs:
            if not average.is_floating_point():
                average.copy_(value)

    @torch.no_grad()
    def freeze_norms(self, network: nn.Module) -> None:
        """Makes batch normalization in ``network`` use its statistics as they are, from now on.

        The average takes them over at once: what follows is learned with them.
        """
        for own, learned in zip(self.network.modules(), network.modules(), strict=True):
            if isinstance(learned, _BatchNorm) and learned.training:
                own.load_state_dict(own.state_dict() | dict(learned.named_buffers()))
                learned.eval()
