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


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    for make in (
        lambda: (tmp_path / "file").mkdir(exist_ok=True),
        lambda: (tmp_path / "file/a").mkdir(parents=True, exist_ok=True),
        lambda: (tmp_path / "file/a").write_text(""),
    ):
        with pytest.raises(OSError) as caught:
            make()
        assert reason_of(caught.value) == "a file is where a folder should be"
    special = FileExistsError(errno.EEXIST, "is a FIFO, and not replaced")
    assert reason_of(special) == "is a FIFO, and not replaced"


def test_other_reasons_stay_as_they_are():
    assert reason_of(PermissionError(errno.EACCES, "Permission denied")) == "Permission denied"
    assert reason_of(OSError("odd")) == "odd"
    assert known_reason("Error opening input") is None
