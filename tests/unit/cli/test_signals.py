"""Signals, sent to processes of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

COMMAND = (
    # A parent that runs in the background may hand down that SIGINT or SIGHUP is ignored.
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "from realesr.cli.start import main; sys.exit(main())"
)
DEAF = """
import subprocess, sys, time
from pathlib import Path
from realesr.cli.signals import interruptible
from realesr.media.video.process import Process
from realesr.partial import Partial, temporary_folder
def wait(news):
    try:
        print(news, flush=True)
        time.sleep(10)
    except KeyboardInterrupt:
        time.sleep(10)  # as code that ignores exceptions does
with interruptible(has_deadline=True), temporary_folder() as folder:
    partial = Partial(Path("a.png"))
    child = Process(sys.executable, [], subject="child", has_input=True)
    wait(child._process.pid)
"""


def ended(process, number):
    """Sends a signal; returns the exit code and what was printed, if that was soon."""
    started = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - started < 5  # 2 where the machine has nothing else to do
    assert "Traceback" not in errors
    return process.returncode, errors


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def wait_for_threads(process):
    """Waits until a process has begun to read, and to listen for signals."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if len(list(Path(f"/proc/{process.pid}/task").iterdir())) >= 3:
            return


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at threads")
@pytest.mark.parametrize(
    ("number", "source"),
    [(signal.SIGINT, "-"), (signal.SIGTERM, "fifo.png"), (signal.SIGHUP, "fifo.png")],
)
def test_waiting_for_data_ends_in_order(tmp_path, number, source):
    os.mkfifo(tmp_path / "fifo.png")
    arguments = ["image", "-i", source, "-o", "a.png", "-n", "nearest"]
    process = start(COMMAND, *arguments, cwd=tmp_path)
    wait_for_threads(process)
    code, errors = ended(process, number)
    assert code == 130
    assert errors.splitlines()[-1].startswith("realesr: interrupted")
    assert names(tmp_path) == ["fifo.png"]


def test_the_first_moments_end_without_a_traceback(tmp_path):
    code = COMMAND.replace("from realesr.cli.start", "print(flush=True); from realesr.cli.start")
    for delay_s in (0.03, 0.06, 0.1, 0.15):
        process = start(code, "image", "-i", "-", "-o", "-", cwd=tmp_path)
        process.stdout.readline()
        time.sleep(delay_s)
        assert ended(process, signal.SIGINT)[0] == 130


def test_work_that_does_not_end_is_ended(tmp_path):
    process = start(DEAF, cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)})
    child = int(process.stdout.readline())
    assert len(names(tmp_path)) == 2
    code, errors = ended(process, signal.SIGTERM)
    assert code == 130
    assert "interrupted" in errors
    assert names(tmp_path) == []
    place = Path(f"/proc/{child}/stat")  # a process that has ended may wait to be collected
    assert not place.exists() or place.read_text().rpartition(")")[2].split()[0] == "Z"


def test_nohup_is_respected():
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "from realesr.cli.signals import ending_signals; "
        "assert signal.SIGHUP not in ending_signals()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_standard_streams_that_are_closed_are_occupied(tmp_path):
    code = (
        "import os; os.close(1); os.close(2); "
        "from realesr.cli.process import occupy_standard_streams; occupy_standard_streams(); "
        "assert os.open('a', os.O_CREAT | os.O_WRONLY) > 2"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_the_end_of_a_child_is_no_signal_to_end():
    """PyTorch's loaders install a handler of SIGCHLD."""
    script = """
import signal, subprocess, sys, time
from realesr.cli.signals import interruptible
signal.signal(signal.SIGCHLD, lambda *_: None)
with interruptible(has_deadline=True):
    subprocess.run([sys.executable, "-c", ""])
    time.sleep(1.5)
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
