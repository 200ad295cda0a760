"""Producing items ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def pipelined(items: Iterable[T], lag: int) -> Iterator[T]:
    """Yields each item only after ``lag`` further items have been produced.

    A device then works on the next item while the caller handles the current one.
    """
    made: deque[T] = deque()
    for item in items:
        made.append(item)
        if len(made) > lag:
            yield made.popleft()
    yield from made
