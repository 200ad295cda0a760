import ctypes
import os
import re
import subprocess
import sys
import threading

import pytest

from realesr.media.images.c_output import can_catch, caught_output

pytestmark = pytest.mark.skipif(not can_catch(), reason="this C library's stderr is constant")


def print_in_c(text):
    """Writes as a C library does: through its stream."""
    library = ctypes.CDLL(None)
    stream = ctypes.c_void_p.in_dll(library, "stderr" if sys.platform == "linux" else "__stderrp")
    library.fputs(f"{text}\n".encode(), stream)


def test_lines_are_caught_and_nothing_is_printed(capfd):
    with caught_output() as lines:
        print_in_c("one")
        print_in_c("two")
    assert lines == ["one", "two"]
    with caught_output() as lines:
        pass
    assert lines == []
    assert capfd.readouterr() == ("", "")


def test_others_are_not_touched(capfd):
    with caught_output() as lines:
        sys.stderr.write("from Python\n")
        sys.stderr.flush()
        os.write(2, b"by the descriptor\n")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'a child\\n')"], check=True)
    print_in_c("afterwards")
    assert lines == []
    words = capfd.readouterr().err.splitlines()
    assert words == ["from Python", "by the descriptor", "a child", "afterwards"]


def test_lines_of_other_libraries_are_passed_on(capfd):
    with caught_output(re.compile("mine")) as lines:
        print_in_c("mine: damaged")
        print_in_c("of another thread")
    assert lines == ["mine: damaged"]
    assert capfd.readouterr().err == "of another thread\n"


def test_threads_take_turns(capfd):
    results = {}

    def work(number):
        for turn in range(50):
            with caught_output() as lines:
                print_in_c(f"{number} {turn}")
            results.setdefault(number, []).extend(lines)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [f"{n} {turn}" for turn in range(50)] for n in range(4)}
    assert capfd.readouterr() == ("", "")


def test_an_error_puts_the_stream_back(capfd):
    with pytest.raises(KeyError), caught_output():
        raise KeyError
    print_in_c("still here")
    assert capfd.readouterr().err == "still here\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_has_its_own_stream():
    code = (
        "import os, sys\n"
        "from realesr.media.images.c_output import caught_output\n"
        "import ctypes; library = ctypes.CDLL(None)\n"
        "name = 'stderr' if sys.platform == 'linux' else '__stderrp'\n"
        "def say(text):\n"
        "    library.fputs(text, ctypes.c_void_p.in_dll(library, name))\n"
        "with caught_output() as lines: say(b'parent\\n')\n"
        "pid = os.fork()\n"
        "words = b'child\\n' if pid == 0 else b'parent\\n'\n"
        "with caught_output() as lines:\n"
        "    for _ in range(200): say(words)\n"
        "ok = lines == [words.decode().strip()] * 200\n"
        "if pid == 0: os._exit(not ok)\n"
        "sys.exit(not ok or os.waitpid(pid, 0)[1])\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
