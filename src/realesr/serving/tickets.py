"""Tickets of work: how far it is, and whether it may go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 8
"""Number of images that may overtake a waiting frame of a video."""


class StoppedError(Exception):
    """Work was cancelled, or took too long."""


class Ticket:
    """State of an image or a video at work; its methods may be called from any thread.

    Args:
        timeout_s: Time until the work is stopped, s.

    Attributes:
        done: Number of finished tiles or frames.
        total: Number of all of them; None if it is unknown.
        state: ``waiting``, ``running``, ``done``, ``failed`` or ``cancelled``.
    """

    def __init__(self, timeout_s: float) -> None:
        self.done = 0
        self.total: int | None = None
        self.state = "waiting"
        self._ends_at = time.monotonic() + timeout_s
        self._is_cancelled = threading.Event()

    def cancel(self) -> None:
        """Stops the work at its next tile."""
        self._is_cancelled.set()

    def restart_clock(self, timeout_s: float) -> None:
        """Gives the work another time from now on, s."""
        self._ends_at = time.monotonic() + timeout_s

    @property
    def is_late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._ends_at

    @property
    def left_s(self) -> float:
        """Time that is left, s."""
        return max(0.0, self._ends_at - time.monotonic())

    def check(self) -> None:
        """Raises an error if the work must stop.

        Raises:
            StoppedError: It was cancelled, or its time is over.
        """
        if self._is_cancelled.is_set():
            raise StoppedError("cancelled")
        if self.is_late:
            raise StoppedError("it took too long")


class Turns:
    """Lets one thread at a time use the engine; images come before frames of videos."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._is_busy = False
        self._urgent = 0
        self._overtaken = 0

    @contextmanager
    def take(self, *, is_urgent: bool) -> Iterator[None]:
        """Waits for a turn, and ends it with the context."""
        with self._condition:
            self._urgent += is_urgent
            self._condition.wait_for(lambda: self._may_begin(is_urgent))
            self._urgent -= is_urgent
            self._overtaken = self._overtaken + 1 if is_urgent else 0
            self._is_busy = True
        try:
            yield
        finally:
            with self._condition:
                self._is_busy = False
                self._condition.notify_all()

    def _may_begin(self, is_urgent: bool) -> bool:
        if self._is_busy:
            return False
        return is_urgent or not self._urgent or self._overtaken >= PATIENCE
