"""Words for what the operating system refuses."""

import errno
import os

import pytest

from realesr.reasons import known_reason, reason_of


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room there"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EFBIG, "ulimit -f"),
    ],
)
def test_a_remedy_follows_the_reason(number, remedy):
    words = os.strerror(number)
    assert reason_of(OSError(number, words)).startswith(f"{words}: ")
    assert remedy in reason_of(OSError(number, words))
    assert known_reason(f"Error writing trailer: {words}") == reason_of(OSError(number, words))


def test_other_reasons_stay_as_they_are():
    assert reason_of(PermissionError(errno.EACCES, "Permission denied")) == "Permission denied"
    assert reason_of(OSError("odd")) == "odd"
    assert known_reason("Error opening input") is None
