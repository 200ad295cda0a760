"""Signals: every state ends within two seconds, and what was finished stays.

The first signal raises KeyboardInterrupt in the main thread, so that the work ends step by step.
That can take long, or get lost in code that ignores exceptions. So another thread hears of the
signal, too: the interpreter writes its number into a pipe at once, whatever the main thread does.
If the work has not ended in time, that thread removes what is unfinished and ends the process.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from realesr.emergency import undo_all

EXIT_INTERRUPTED = 130
GRACE_S = 1.2
"""Time that the work may take to end by itself after a signal, s."""
MESSAGE = "realesr: interrupted; what was finished stays"


def ending_signals() -> tuple[signal.Signals, ...]:
    """Returns the signals that end the command. ``nohup`` has SIGHUP ignored, which stays so."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    return tuple(signals)


@contextmanager
def interruptible(*, has_deadline: bool) -> Iterator[None]:
    """Makes every ending signal act like Ctrl-C; further ones are ignored while the work ends.

    Args:
        has_deadline: Whether the process is ended when the work does not end in time.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = ending_signals()

    def interrupt(*_: object) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    hook, sys.unraisablehook = sys.unraisablehook, _unraisable
    previous = {each: signal.signal(each, interrupt) for each in signals}
    try:
        with _deadline() if has_deadline and sys.platform != "win32" else _nothing():
            yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
        sys.unraisablehook = hook


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _deadline() -> Iterator[None]:
    """Starts the thread that ends the process when a signal has not ended the work in time."""
    hears, tells = os.pipe()
    os.set_blocking(tells, False)
    before = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(hears,), name="signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(tells)
        watcher.join()
        os.close(hears)


def _watch(hears: int) -> None:
    """Waits for an ending signal, and then for the end of the work, which closes the pipe.

    Other signals may have handlers, too: PyTorch hears of the end of each child.
    """
    ending = {int(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ending.add(int(getattr(signal, "SIGHUP", signal.SIGTERM)))  # Windows has none
    while True:
        heard = os.read(hears, 1)
        if not heard:
            return
        if heard[0] in ending:
            break
    ends_at = time.monotonic() + GRACE_S
    while (left := ends_at - time.monotonic()) > 0:
        readable, _, _ = select.select([hears], [], [], left)
        if readable and not os.read(hears, 1):
            return
    end_at_once()


def end_at_once(*_: object) -> NoReturn:
    """Removes what is unfinished and ends the process, from any thread or signal handler."""
    undo_all()
    with suppress(OSError):
        os.write(2, f"{MESSAGE}\n".encode())
    os._exit(EXIT_INTERRUPTED)


def _unraisable(event: Any, /) -> None:
    """Leaves out the traceback of an interruption that hit code which cannot pass it on."""
    if not issubclass(event.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(event)
