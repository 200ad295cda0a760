"""Data parallelism: several processes, started by ``torchrun``, train the same network.

Each process computes a part of the batch, and the gradients are averaged before the optimizer's
step. The networks are small, so one reduction of all gradients after the backward pass costs hardly
more than a reduction that overlaps with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a run.

    Attributes:
        rank: Number of this process.
        size: Number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def from_environment(cls, device: torch.device) -> World:
        """Joins the process group of ``torchrun``; without it, the world has one process."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(distributed.get_rank(), size)

    @property
    def is_first(self) -> bool:
        """Whether this process logs, validates and saves."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces the gradients by their mean over all processes, in one reduction."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Returns whether the flag is set in any process."""
        if self.size == 1:
            return flag
        value: Tensor = torch.tensor(int(flag), device=device)
        distributed.all_reduce(value, distributed.ReduceOp.MAX)
        return bool(value.item())

    def close(self) -> None:
        """Leaves the process group."""
        if self.size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
