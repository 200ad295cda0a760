"""Runs code in a process of its own, with measured time and memory."""

import subprocess
import sys
from typing import NamedTuple

_MEASURED = """
import pathlib, sys, time
started = time.process_time()
try:
    {code}
except Exception as error:
    print(type(error).__name__, error)
status = pathlib.Path("/proc/self/status").read_text()  # getrusage counts the parent's memory
print(time.process_time() - started, int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


class Measured(NamedTuple):
    """What became of the code.

    Attributes:
        output: What it printed, and the error that it raised.
        seconds: Time of the processor that it took, without the start of Python, s.
        mebibytes: Largest memory of the process, MiB.
    """

    output: str
    seconds: float
    mebibytes: int


def measured(code: str, *arguments: object) -> Measured:
    """Runs a statement that may use ``sys.argv[1:]``; a crash fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(code=code), *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    *output, figures = done.stdout.splitlines()
    seconds, mebibytes = figures.split()
    return Measured("\n".join(output), float(seconds), int(mebibytes))
