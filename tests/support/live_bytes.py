"""Counts what a network holds in memory, tensor by tensor."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def activation_values_per_pixel(network: nn.Module, side: int, channels: int = 3) -> float:
    """Peak of the float32 values that are alive at the same time, for each input px."""
    x = torch.zeros(1, channels, side, side)
    with torch.no_grad(), _LiveBytes() as live:
        network(x)
    return live.peak / x.element_size() / side**2


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of the tensors that operators return, until these are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._live = 0
        self._users: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf)
        return result

    def _count(self, tensor: Tensor) -> None:
        """Tensors that are views of each other share a storage, which counts once."""
        storage = tensor.untyped_storage()
        key, size_bytes = storage._cdata, storage.nbytes()
        if key not in self._users:
            self._users[key] = 0
            self._live += size_bytes
            self.peak = max(self.peak, self._live)
        self._users[key] += 1
        weakref.finalize(tensor, self._release, key, size_bytes)

    def _release(self, key: int, size_bytes: int) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            self._live -= size_bytes
