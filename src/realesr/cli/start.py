"""Starts the command: signals end it in order from the first moment on, also during imports."""

from __future__ import annotations


def main() -> int:
    """Runs the command line of this process; returns the exit code."""
    import signal

    from realesr.cli.signals import end_at_once, ending_signals

    for each in ending_signals():
        signal.signal(each, end_at_once)
    from realesr.cli.process import occupy_standard_streams

    occupy_standard_streams()
    from realesr.cli.main import main as run

    return run(is_process=True)
