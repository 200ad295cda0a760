"""CUDA graphs: all kernels of a network begun with one call.

Small networks on small pictures are over before the host has begun the next kernel. A graph is made
for one shape of input, which pays in a film, whose frames are all alike.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]
Recorder = Callable[[Network, Tensor], Network]

WARM_UP = 8
"""How many times in a row a shape must come before it is recorded: more than tiles of a picture do,
so that only films are."""

_LOCK = threading.Lock()
"""Held while something is recorded, during which others may not ask for the whole device."""


class Replayed:
    """A network that is recorded where its input keeps its shape.

    Each thread has a recording of its own, with memory of its own, in its own stream.

    Args:
        network: What is recorded, or run where nothing is.
        record: Makes a recording for an input of a shape.
    """

    def __init__(self, network: Network, record: Recorder | None = None) -> None:
        self._network = network
        self._record = record_cuda if record is None else record
        self._mine = _Recording()
        self._is_possible = True

    def __call__(self, x: Tensor) -> Tensor:
        """Runs the network, recorded or not."""
        mine, kind = self._mine, (x.shape, x.stride(), x.dtype)
        if kind != mine.kind:
            mine.kind, mine.count, mine.replay = kind, 0, None
        mine.count += 1
        if mine.replay is None and mine.count > WARM_UP and self._is_possible:
            try:
                mine.replay = self._record(self._network, x)
            except RuntimeError:  # out of memory, or something in it cannot be recorded
                self._is_possible = False
        return self._network(x) if mine.replay is None else mine.replay(x)


class _Recording(threading.local):
    """Of a thread: for which input, how often that came in a row, and the recording."""

    def __init__(self) -> None:
        self.kind: Any = None
        self.count = 0
        self.replay: Network | None = None


def record_cuda(network: Network, x: Tensor) -> Network:
    """Records what a network does with an input on a CUDA device, in the current stream.

    Raises:
        RuntimeError: It cannot be recorded, or memory has run out.
    """
    stream = torch.cuda.current_stream(x.device)
    graph = torch.cuda.CUDAGraph()
    with _LOCK:
        given = x.clone(memory_format=torch.preserve_format)
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            result = network(given)
    return _Graph(graph, given, result)


class _Graph:
    """A recording, with the memory that it reads and writes."""

    def __init__(self, graph: torch.cuda.CUDAGraph, given: Tensor, result: Tensor) -> None:
        self._graph, self._given, self._result = graph, given, result

    def __call__(self, x: Tensor) -> Tensor:
        self._given.copy_(x)
        self._graph.replay()
        return self._result.clone(memory_format=torch.preserve_format)

    def __del__(self) -> None:
        # Its memory goes to others at once, who must not write while it is still being read.
        with suppress(RuntimeError):  # the process may be at its end
            torch.cuda.current_stream(self._given.device).synchronize()
