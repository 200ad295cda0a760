"""Printing for people and programs: it never fails a job, and words from files are harmless.

Names, tags, and messages of other programs may hold what controls a terminal, or what the encoding
of an output lacks. Everything is printed by one of three functions here.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TextIO

_UNSAFE = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls of terminals (C0, DEL, C1), line ends, turns of the writing direction, and halves of
pairs, by which Python stands for bytes that are not text."""
_LETTERS = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

_failures: list[OSError] = []


def printable(text: object) -> str:
    r"""Returns one line without control characters: they appear as escapes, such as ``\x1b``."""
    return _UNSAFE.sub(_escaped, str(text))


def _escaped(match: re.Match[str]) -> str:
    sign = match[0]
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383: a byte of a name that is not UTF-8
        code -= 0xDC00
    return _LETTERS.get(sign) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def tell(text: object, *, write: Callable[[str], object] | None = None) -> None:
    """Prints a line for people on standard error.

    Args:
        text: Anything; see :func:`printable`.
        write: Prints a line there in another way, such as beside progress bars.
    """
    stream = sys.stderr
    if stream is None:
        return
    line = _encodable(printable(text), stream)
    with suppress(OSError, ValueError):
        if write is None:
            print(line, file=stream, flush=True)
        else:
            write(line)


def answer(text: object) -> None:
    """Prints a line on standard output; :func:`finish` tells whether all arrived."""
    _put(printable(text), sys.stdout, flush=True)


def answer_text(text: str) -> None:
    """Prints several lines of our own on standard output, as they are."""
    _put(text, sys.stdout)


def answer_json(entries: Mapping[str, object], stream: TextIO | None) -> None:
    """Prints a line of JSON, in which every name is exact, and flushes it."""
    line = json.dumps(entries, ensure_ascii=False)
    # What is unsafe can only stand in strings, where JSON has its own escapes.
    line = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)
    if stream is not None and _encodable(line, stream) != line:
        line = json.dumps(entries)
    _put(line, stream, flush=True)


def finish() -> bool:
    """Flushes standard output; returns whether everything was written.

    A reader that has gone, as in ``realesr models list | head -1``, has seen what it wanted.
    """
    stream = sys.stdout
    if stream is not None:
        try:
            stream.flush()
        except OSError as error:
            _failures.append(error)
            _give_up(stream)
        except ValueError:  # closed
            pass
    failures = [error for error in _failures if error.errno != errno.EPIPE]
    _failures.clear()
    if failures:
        tell(f"realesr: error: standard output: {failures[0].strerror}")
    return not failures


def _put(line: str, stream: TextIO | None, *, flush: bool = False) -> None:
    if stream is None or _failures:
        return
    try:
        print(_encodable(line, stream), file=stream, flush=flush)
    except OSError as error:
        _failures.append(error)
    except ValueError:  # closed
        pass


def _encodable(line: str, stream: TextIO) -> str:
    """Returns a line in which characters are escaped that the encoding of a stream lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def _give_up(stream: TextIO) -> None:
    """Lets Python's own flush at the end succeed: nobody would see what it complains about."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
