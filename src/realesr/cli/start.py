"""Starts the command: signals end it in order from the first moment on, also during imports."""

from __future__ import annotations

import _signal  # what `signal` is made of: importing that takes time, in which Ctrl-C is an error
import os

_MESSAGE = b"realesr: interrupted\n"
_EXIT_INTERRUPTED = 130


def _end(*_: object) -> None:
    """Ends the process while nothing has been begun."""
    try:
        os.write(2, _MESSAGE)
    finally:
        os._exit(_EXIT_INTERRUPTED)


def main() -> int:
    """Runs the command line of this process; returns the exit code."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(_signal, name, None)  # Windows has no SIGHUP
        if number is not None and _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _end)
    from realesr.cli.process import occupy_standard_streams

    occupy_standard_streams()
    from realesr.cli.main import main as run

    return run(is_process=True)
