import os
from pathlib import Path

import pytest

from realesr.cli import watch as watching
from realesr.cli.watch import check_watchable, watch
from realesr.errors import InvalidOptionError
from realesr.options import FileOptions


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def options(drop, **changes):
    return FileOptions(inputs=(drop,), output=drop.parent / "out", watch=True, **changes)


class Script:
    """Does one thing after another, each while the watch sleeps, and then ends it."""

    def __init__(self, monkeypatch, *steps):
        self.steps = list(steps)
        monkeypatch.setattr(watching.time, "sleep", self.sleep)

    def sleep(self, seconds):
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()


def watched(files):
    """Names of each plan, and what was told, until the end of the script."""
    plans, told = [], []
    with pytest.raises(KeyboardInterrupt):
        for plan in watch(files, notify=told.append):
            plans.append([job.source.name for job in plan.jobs])  # noqa: PERF401 -- it never ends
    return plans, told


def nothing():
    pass


def write(path: Path, text: str, second: int):
    path.write_text(text)
    os.utime(path, (second, second))


def test_a_file_counts_when_it_rests(drop, monkeypatch):
    photo = drop / "a.png"
    Script(
        monkeypatch,
        lambda: write(photo, "", 1),
        lambda: write(photo, "half", 2),
        lambda: write(photo, "half and half", 3),
        nothing,
        nothing,
    )
    assert watched(options(drop)) == ([["a.png"]], [])


def test_a_file_that_changes_is_done_again_and_others_are_not(drop, monkeypatch):
    write(drop / "a.png", "a", 1)
    write(drop / "b.png", "b", 1)
    Script(monkeypatch, nothing, lambda: write(drop / "b.png", "new", 2), nothing, nothing)
    assert watched(options(drop))[0] == [["a.png", "b.png"], ["b.png"]]


def test_a_file_that_comes_later_does_not_take_the_name_of_an_output(drop, monkeypatch):
    write(drop / "a.png", "a", 1)
    Script(monkeypatch, nothing, lambda: write(drop / "a.jpg", "a", 2), nothing, nothing, nothing)
    names = []
    with pytest.raises(KeyboardInterrupt):
        for plan in watch(options(drop, ext="webp"), notify=pytest.fail):
            names += [(job.source.name, job.destination.name) for job in plan.jobs]
    assert names == [("a.png", "a_out.webp"), ("a.jpg", "a_out_2.webp")]


def test_what_cannot_be_read_is_told_once_until_it_is_gone(drop, monkeypatch):
    write(drop / "a.png", "a", 1)
    os.mkfifo(drop / "pipe.png")
    (drop / "loop.png").symlink_to("loop.png")
    Script(monkeypatch, nothing, nothing, (drop / "loop.png").unlink, nothing, nothing)
    plans, told = watched(options(drop))
    assert plans == [["a.png"]]
    assert [notice.code for notice in told] == ["watch-failed", "special-file-skipped"]
    assert "Too many levels" in str(told[0])


def test_what_cannot_be_watched_is_refused(drop):
    photo = drop / "a.png"
    with pytest.raises(InvalidOptionError, match="is none"):
        check_watchable(FileOptions(inputs=(photo,), output=drop.parent / "out", watch=True))
    with pytest.raises(InvalidOptionError, match="taken for inputs"):
        check_watchable(FileOptions(inputs=(drop,), output=drop, watch=True))
    check_watchable(options(drop))
