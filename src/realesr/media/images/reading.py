"""Reads the bytes of files, FIFOs and standard input, in a way that can be stopped."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from pathlib import Path
from threading import Event

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.formats import STANDARD_STREAM
from realesr.reasons import reason_of
from realesr.special import special_kind

_BLOCK = 1 << 20
_LOOK_S = 0.1
"""Time between two looks at whether the data are still wanted, s."""


def read_bytes(path: Path, abandoned: Event | None = None) -> bytes:
    """Returns the content of a file, or what comes through a FIFO or standard input to its end.

    Args:
        path: The file; ``-`` is standard input.
        abandoned: Ends the wait for data when it is set, from another thread.

    Raises:
        UnreadableMediaError: The file cannot be read, or the wait was ended.
        UnsupportedMediaError: It is a socket or a device.
    """
    try:
        if path == STANDARD_STREAM:
            return _read_standard_input(abandoned)
        mode = path.stat().st_mode
        if not stat.S_ISFIFO(mode):
            if special_kind(mode) is not None:
                raise UnsupportedMediaError(f"{path}: is {special_kind(mode)}, and no image file")
            return path.read_bytes()
        # A plain open would wait for a writer, deaf to everything.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            return _read_stream(descriptor, path, abandoned)
        finally:
            os.close(descriptor)
    except OSError as error:
        if isinstance(error, UnreadableMediaError):
            raise
        raise UnreadableMediaError(f"{path}: {reason_of(error)}") from error


def _read_standard_input(abandoned: Event | None) -> bytes:
    if sys.stdin is None:
        raise UnreadableMediaError("-: standard input is closed")
    try:
        descriptor = sys.stdin.fileno()
    except io.UnsupportedOperation:  # somebody has put an object in its place
        return sys.stdin.buffer.read()
    return _read_stream(descriptor, STANDARD_STREAM, abandoned)


def _read_stream(descriptor: int, path: Path, abandoned: Event | None) -> bytes:
    """Reads to the end; a FIFO that nobody has opened for writing yet has none."""
    blocks: list[bytes] = []
    while True:
        if sys.platform != "win32":  # which cannot wait for pipes
            while not _is_readable(descriptor):
                if abandoned is not None and abandoned.is_set():
                    raise UnreadableMediaError(f"{path}: reading was ended")
        block = os.read(descriptor, _BLOCK)
        if not block:
            return b"".join(blocks)
        blocks.append(block)


if sys.platform != "win32":

    def _is_readable(descriptor: int) -> bool:
        """Waits a moment for data, or the end of it."""
        # Unlike select, poll tells a FIFO without a writer so far from one whose writer has gone.
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(_LOOK_S * 1000))
