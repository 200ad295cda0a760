"""Why the operating system refused something, and what to do about it."""

from __future__ import annotations

import errno
import os

_SPACE = "make room there, or use another disk"
_REMEDIES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "the file system, or a limit (`ulimit -f`), allows no file of this size",
    errno.EMFILE: "raise the limit (`ulimit -n 1024`)",
    errno.ENFILE: "end other programs, or raise the limit of the system",
}
"""What to do, by the number of the error."""
_BY_WORDS = {os.strerror(number): remedy for number, remedy in _REMEDIES.items()}


_WORDS = dict.fromkeys(
    map(os.strerror, (errno.EEXIST, errno.ENOTDIR)), "a file is where a folder should be"
)
"""Better words than the system's: these two come from the folders of a name."""


def reason_of(error: OSError) -> str:
    """Returns in words why something was refused, and the remedy where one is known."""
    words = error.strerror or str(error)
    words = _WORDS.get(words, words)
    remedy = _REMEDIES.get(error.errno) if error.errno is not None else None
    return f"{words}: {remedy}" if remedy else words


def known_reason(text: str) -> str | None:
    """Returns the reason, with its remedy, that the words of another program contain; or None."""
    for words, remedy in _BY_WORDS.items():
        if words in text:
            return f"{words}: {remedy}"
    return None
