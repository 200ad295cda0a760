"""What is undone when the process must end at once: partial files, temporary folders, children.

A signal normally ends the work step by step. Where that takes too long, the command calls
:func:`undo_all` from another thread and exits.
"""

from __future__ import annotations

import errno
import itertools
import threading
from collections.abc import Callable
from contextlib import suppress

Undo = Callable[[], object]

_undos: dict[int, Undo] = {}
_keys = itertools.count()
_is_ending = threading.Event()


def on_emergency(undo: Undo) -> Callable[[], None]:
    """Registers an action; returns the function that takes it back.

    Args:
        undo: Is called from any thread, and must wait for nothing.

    Raises:
        InterruptedError: The process is ending: nothing new may begin.
    """
    check_not_ending()
    key = next(_keys)
    _undos[key] = undo

    def forget() -> None:
        _undos.pop(key, None)

    return forget


def check_not_ending() -> None:
    """Raises InterruptedError if the process is ending: nothing new may begin."""
    if _is_ending.is_set():
        raise InterruptedError(errno.EINTR, "the command is ending")


def undo_all() -> None:
    """Calls all actions, the last one first. The process must exit afterward."""
    _is_ending.set()
    for undo in reversed(list(_undos.values())):
        with suppress(Exception):
            undo()
