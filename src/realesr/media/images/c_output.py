"""What C libraries print: their lines are caught, and become notices.

libjpeg, libpng, libtiff and LibRaw report damage as text on the C library's ``stderr``, and the
Python packages around them offer no other way to learn of it. Redirecting file descriptor 2 would
also take what other threads, such as a progress bar, and child processes write meanwhile. Python
does not write through the C library's stream, so only that stream is replaced: the global variable
``stderr`` points at a file in memory while a decoder runs. That file is never closed, so that a
thread which has just read the variable still finds a valid stream.

glibc and macOS have such a variable. Elsewhere nothing is caught.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PLATFORM: str = sys.platform
_UNBUFFERED = 2
"""``_IONBF`` in the C libraries below."""
_MOST_BYTES = 2**16
ANY_LINE = re.compile("")


class _Stream:
    """A stream of the C library that takes the place of ``stderr``."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        library.fdopen.restype = ctypes.c_void_p
        library.fdopen.argtypes = [ctypes.c_int, ctypes.c_char_p]
        library.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t]
        name = "__stderrp" if _PLATFORM == "darwin" else "stderr"
        self._variable = ctypes.c_void_p.in_dll(library, name)
        self._original = self._variable.value
        self._file = _anonymous_file()
        self._stream = library.fdopen(self._file, b"w+")
        if not self._stream or not self._original:
            raise OSError("the C library opens no stream")
        library.setvbuf(self._stream, None, _UNBUFFERED, 0)

    def start(self) -> None:
        """Replaces ``stderr``."""
        self._variable.value = self._stream

    def stop(self) -> list[str]:
        """Puts ``stderr`` back; returns the lines that were written."""
        self._variable.value = self._original
        size = os.fstat(self._file).st_size
        if not size:
            return []
        os.lseek(self._file, 0, os.SEEK_SET)
        text = os.read(self._file, min(size, _MOST_BYTES)).decode("utf-8", "replace")
        os.lseek(self._file, 0, os.SEEK_SET)
        os.ftruncate(self._file, 0)
        return text.splitlines()


_LOCK = threading.RLock()
_streams: dict[int, _Stream] = {}
"""The stream of this process, by its number: a forked process must not share its parent's."""


def can_catch() -> bool:
    """Returns whether this C library lets its ``stderr`` be replaced."""
    if _PLATFORM == "darwin":
        return True
    if _PLATFORM != "linux":
        return False
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError):  # another C library, whose variable is constant
        return False


@contextmanager
def caught_output(own: re.Pattern[str] = ANY_LINE) -> Iterator[list[str]]:
    """Catches what C libraries print to ``stderr``; one thread at a time.

    Args:
        own: Lines that belong to the caller. All others, which another thread's library wrote
            meanwhile, are passed on.

    Yields:
        A list that receives the caller's lines when the context ends; it stays empty where
        nothing can be caught.
    """
    lines: list[str] = []
    if not can_catch():
        yield lines
        return
    with _LOCK:
        if os.getpid() not in _streams:
            _streams.clear()
            _streams[os.getpid()] = _Stream()
        stream = _streams[os.getpid()]
        stream.start()
        try:
            yield lines
        finally:
            for line in stream.stop():
                if own.match(line):
                    lines.append(line)
                else:
                    os.write(2, f"{line}\n".encode())


def _anonymous_file() -> int:
    """Opens a file without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("realesr", os.MFD_CLOEXEC)
    file, path = tempfile.mkstemp(prefix="realesr-")
    os.unlink(path)  # noqa: PTH108
    return file
