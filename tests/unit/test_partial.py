import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from realesr import partial as module
from realesr.partial import Partial, remove_leftovers, reopen, temporary_folder, write_whole

OWNER = """
import sys, time
from pathlib import Path
from realesr.partial import Partial, temporary_folder
what, folder = sys.argv[1], Path(sys.argv[2])
if what == "file":
    owned = Partial(folder / "a.png")
    path = owned.path
else:
    context = temporary_folder()
    path = context.__enter__()
    (path / "cover.png").touch()
print(path, flush=True)
time.sleep(60)
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")


@pytest.fixture
def owner(tmp_path):
    """Starts processes that own a partial file or a temporary folder."""
    running = []

    def start(what, folder):
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, what, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        running.append(process)
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_gets_its_name_in_the_end_or_never(tmp_path):
    path = tmp_path / "new" / ("x" * 251 + ".png")
    write_whole(path, b"one")
    with pytest.raises(ZeroDivisionError), Partial(path) as partial:
        with partial.open() as file:
            file.write(b"two")
        assert len(os.fsencode(partial.path.name)) == 43
        assert partial.path.parent == path.parent
        raise ZeroDivisionError
    assert path.read_bytes() == b"one"
    assert names(path.parent) == [path.name]


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    values = [b"guess!", b"random"]
    monkeypatch.setattr(module.os, "urandom", lambda size: values.pop(0))
    guessed = Partial(tmp_path / "a.png")
    guessed.discard()
    guessed.path.symlink_to(victim)
    values[:] = [b"guess!", b"random"]
    write_whole(tmp_path / "a.png", b"data")
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "a.png").read_bytes() == b"data"
    assert guessed.path.is_symlink()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_killed_process_has_left_is_removed_by_the_next(tmp_path, owner, what):
    (killed, left), (_, living) = owner(what, tmp_path), owner(what, tmp_path)
    assert left.exists()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    marks = "".join(module._marks())
    start = ".realesr-" if what == "file" else "realesr-"
    end = ".part" if what == "file" else ""
    foreign = [f"{start}{'0' * 16}-0123456789ab{end}", f"{start}{end}", "a.part", ".realesr"]
    for name in foreign:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "kept").write_text("")
    (tmp_path / f"{start}{marks}-link{end}").symlink_to(tmp_path / "kept")
    os.link(tmp_path / "kept", tmp_path / f"{start}{marks}-hard{end}")
    os.mkfifo(tmp_path / f"{start}{marks}-fifo{end}")
    before = set(names(tmp_path))
    remove_leftovers(tmp_path, are_folders=what == "folder")
    assert before - set(names(tmp_path)) == {left.name}
    assert living.exists()


def test_the_leftovers_of_an_earlier_run_of_the_machine_go_too(tmp_path):
    machine, _ = module._marks()
    left = tmp_path / f".realesr-{machine}00000000-0123456789ab.part"
    left.touch()
    module._remove_leftover(left, left.name[9:], False)
    assert left.exists(), "may be one of another machine of that name"
    os.utime(left, (1, 1))
    module._remove_leftover(left, left.name[9:], False)
    assert not left.exists()


def test_a_writer_does_that_before_it_writes(tmp_path, owner):
    killed, _ = owner("file", tmp_path)
    killed.kill()
    killed.wait()
    write_whole(tmp_path / "b.png", b"data")
    assert names(tmp_path) == ["b.png"]


def test_nobody_takes_what_is_being_written(tmp_path):
    """Writers and cleaners that never rest, in one folder."""
    is_over = threading.Event()

    def clean():
        while not is_over.is_set():
            module._swept.clear()
            remove_leftovers(tmp_path)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for number in range(150):
            write_whole(tmp_path / f"{number}.png", b"data")
    finally:
        is_over.set()
        cleaner.join()
    assert len(names(tmp_path)) == 150


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "is a FIFO, and not replaced"),
        (os.mkdir, "is a folder"),
        (lambda path: path.symlink_to("/dev/null"), "is a device, and not replaced"),
    ],
)
def test_what_is_no_file_is_not_replaced(tmp_path, make, words):
    path = tmp_path / "a.png"
    make(path)
    before = path.lstat()
    with pytest.raises(OSError, match=words):
        Partial(path)
    assert names(tmp_path) == ["a.png"]
    assert path.lstat() == before


def test_a_link_to_nothing_is_replaced_and_a_long_name_is_refused_at_once(tmp_path):
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "gone.png").symlink_to("gone")
    for name in ("loop.png", "gone.png"):
        write_whole(tmp_path / name, b"data")
        assert not (tmp_path / name).is_symlink()
    with pytest.raises(OSError, match="too long for this file system: choose a shorter one"):
        Partial(tmp_path / ("x" * 256))
    assert names(tmp_path) == ["gone.png", "loop.png"]


@pytest.mark.parametrize("is_continued", [True, False])
@pytest.mark.parametrize("plant", ["symlink_to", "hardlink_to"])
def test_a_download_does_not_go_on_in_what_is_foreign(tmp_path, is_continued, plant):
    victim, path = tmp_path / "victim", tmp_path / "net.part"
    victim.write_bytes(b"precious")
    getattr(path, plant)(victim)
    with reopen(path, is_continued=is_continued) as file:
        file.write(b"data")
    assert victim.read_bytes() == b"precious"
    assert path.read_bytes() == b"data"
    with reopen(path, is_continued=is_continued) as file:
        file.write(b"more")
    assert path.read_bytes() == (b"datamore" if is_continued else b"more")


def test_a_temporary_folder_goes_with_its_content(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_folder() as folder:
        (folder / "file").touch()
        module._swept.clear()
        with temporary_folder() as other:
            assert len({folder, other, *tmp_path.iterdir()}) == 2
    assert names(tmp_path) == []


def test_a_process_that_is_ending_makes_no_partial_file(tmp_path, monkeypatch):
    ending = threading.Event()
    monkeypatch.setattr("realesr.emergency._is_ending", ending)
    create = module._create

    def end_meanwhile(folder, plan):
        descriptor = create(folder, plan)
        ending.set()
        return descriptor

    monkeypatch.setattr(module, "_create", end_meanwhile)
    for _ in range(2):  # while the file is made, and before
        with pytest.raises(InterruptedError):
            Partial(tmp_path / "a.png")
        assert not list(tmp_path.iterdir())
    with pytest.raises(InterruptedError), temporary_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
