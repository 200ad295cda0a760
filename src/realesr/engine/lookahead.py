"""Beginning the next thing before the last one is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def pipelined(items: Iterable[T], lag: int) -> Iterator[T]:
    """Yields each item only after ``lag`` further items have been produced.

    So a device works on the next one while the caller handles this one.
    """
    made: deque[T] = deque()
    for item in items:
        made.append(item)
        if len(made) > lag:
            yield made.popleft()
    yield from made
