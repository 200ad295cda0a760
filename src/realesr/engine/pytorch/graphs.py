"""CUDA graphs: all kernels of a network begun with one call.

Small networks on small images are over before the host has begun the next kernel. A graph is made
for one shape of input, which pays in a video, whose frames are all alike.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]
Recorder = Callable[[Network, Tensor], Network]

CAPTURE_AFTER = 8
"""A graph is captured after this many inputs of one shape."""
MAX_COUNTED_SHAPES = 100
"""Shapes that are counted; beyond that, counting starts again."""
MAX_GRAPHS = 2
"""Graphs kept per thread: full batches and single frames of a video. Each owns its memory, so the
least recently used one is dropped."""
OLDEST_TORCH = (2, 15)
"""Before this, or not long before, a recording that failed left PyTorch's allocator in disorder."""

DEVICE_LOCK = threading.Lock()
"""Held while something is recorded, and by whoever gives back the device's memory meanwhile, which
PyTorch would take for an error."""


class CudaGraphRunner:
    """A network that is recorded where its input keeps its shape.

    Each thread has recordings of its own, with memory of their own, in its own stream.

    Args:
        network: What is recorded, or run where nothing is. Nothing in it may wait for the device.
        record: Makes a recording for an input of a shape.
    """

    def __init__(self, network: Network, record: Recorder | None = None) -> None:
        self._network = network
        self._record = record_cuda if record is None else record
        self._mine = _GraphCache()
        self._is_possible = True
        self._cleared = 0

    def __call__(self, x: Tensor) -> Tensor:
        """Runs the network, recorded or not."""
        mine, kind = self._mine, (x.shape, x.stride(), x.dtype)
        if mine.cleared != self._cleared:
            mine.clear(self._cleared)
        replay = mine.replays.pop(kind, None)
        if replay is not None:
            mine.replays[kind] = replay  # the last one is the one used last
            return replay(x)
        if self._is_possible and mine.should_capture(kind):
            mine.make_room_for(kind)
            try:
                replay = self._record(self._network, x)
                result = replay(x)
            except RuntimeError:  # out of memory, or something in it cannot be recorded
                self._is_possible = False
            else:
                mine.replays[kind] = replay
                return result
        return self._network(x)

    def clear(self) -> None:
        """Lets every thread drop its recordings, for their memory, when it comes here next."""
        self._cleared += 1


class _GraphCache(threading.local):
    """Of a thread: how often which kind of input has come, and its recordings."""

    def __init__(self) -> None:
        self.clear(0)

    def should_capture(self, kind: Any) -> bool:
        """Counts; begins anew among images of ever other sizes."""
        if len(self.counts) > MAX_COUNTED_SHAPES:
            self.counts.clear()
        self.counts[kind] += 1
        return self.counts[kind] > self.enough

    def make_room_for(self, kind: Any) -> None:
        """Drops what was used longest ago; the more often that happens, the less is recorded."""
        del self.counts[kind]
        if len(self.replays) == MAX_GRAPHS:
            del self.replays[next(iter(self.replays))]
            self.enough *= 2

    def clear(self, cleared: int) -> None:
        self.cleared = cleared
        self.counts: Counter[Any] = Counter()
        self.replays: dict[Any, Network] = {}
        self.enough = CAPTURE_AFTER


def can_record() -> bool:
    """Whether this PyTorch recovers from a recording that fails."""
    version = re.match(r"(\d+)\.(\d+)", torch.__version__)
    return version is not None and tuple(map(int, version.groups())) >= OLDEST_TORCH


def record_cuda(network: Network, x: Tensor) -> Network:
    """Records what a network does with an input on a CUDA device, in the current stream.

    Raises:
        RuntimeError: It cannot be recorded, or memory has run out.
    """
    stream = torch.cuda.current_stream(x.device)
    graph = torch.cuda.CUDAGraph()
    with DEVICE_LOCK:
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
