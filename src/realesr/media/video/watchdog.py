"""Ends a program that does nothing although somebody waits for it."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import psutil

STALL_S = 600.0
"""Time without any work of the processor after which a program counts as hanging, s."""
_POLL_S = 5.0


class Watchdog:
    """Looks at a program, and its children, in a thread of its own, until it is closed.

    Only the time counts in which the program used no processor, and somebody waited for it. So a
    slow network, for which ffmpeg waits, does not count, and neither does a computer that sleeps.

    Args:
        pid: Number of the process.
        end: Ends the program, because it hangs.
    """

    def __init__(self, pid: int, end: Callable[[], None]) -> None:
        self._pid = pid
        self._end = end
        self._waiting = 0
        self._is_closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Declares that the caller waits for the program."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Stops looking."""
        self._is_closed.set()

    def _watch(self) -> None:
        poll_s = min(_POLL_S, STALL_S / 4)
        idle_s, before = 0.0, -1.0
        while not self._is_closed.wait(poll_s):
            now = _processor_s(self._pid)
            idle_s = idle_s + poll_s if now == before and self._waiting > 0 else 0.0
            before = now
            if idle_s >= STALL_S:
                self._end()
                return


class WatchedPipe:
    """A pipe to or from a program; whoever reads or writes waits for the program.

    Args:
        pipe: The pipe.
        watchdog: The one of the program.
    """

    def __init__(self, pipe: IO[bytes], watchdog: Watchdog) -> None:
        self._pipe = pipe
        self._watchdog = watchdog

    def read(self, size: int = -1) -> bytes:
        """Reads up to so many bytes, and b"" at the end."""
        with self._watchdog.waiting():
            return self._pipe.read(size)

    def write(self, data: bytes) -> int:
        """Writes bytes, and returns how many were written."""
        if self._pipe.closed:  # the program was ended, and its container writes an index
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        with self._watchdog.waiting():
            return self._pipe.write(data)

    def flush(self) -> None:
        """Does nothing: pipes have no buffer here."""

    def close(self) -> None:
        """Closes the pipe."""
        self._pipe.close()


def _processor_s(pid: int) -> float:
    """Returns the time of the processor that a process and its children have used, s."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in family)
    except psutil.Error:
        return -1.0
