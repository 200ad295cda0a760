"""A server that speaks S3: moto, in an environment of its own (``scripts/setup``)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from setup import environment

_START_S = 60.0


def program() -> str | None:
    """Returns the path of the server; None if it is not installed."""
    folders = (environment.interpreter(environment.SERVER).parent, Path(sys.executable).parent)
    return next(
        (found for each in folders if (found := shutil.which("moto_server", path=each))), None
    )


@contextmanager
def running() -> Iterator[str]:
    """Runs the server; gives its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(program()), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the S3 server does not answer; exit code {process.poll()}")
