"""The process wrapper, with programs that die in every way that ffmpeg might."""

import os
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from realesr.errors import FFmpegError, FFmpegNotFoundError
from realesr.media.video import ffmpeg, watchdog
from realesr.media.video.ffmpeg import describe_encoder, find_ffmpeg, raw_format, succeeds, url
from realesr.media.video.process import MAX_REPORTED_ERRORS, Process

pytestmark = pytest.mark.skipif(os.name == "nt", reason="runs scripts by their first line")


@pytest.fixture
def program(tmp_path):
    """Makes a program of Python statements."""

    def make(*statements):
        path = tmp_path / "program"
        lines = [f"#!{sys.executable} -S", "import os, signal, sys, time", *statements]
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o755)
        return str(path)

    return make


def say(text):
    return f"print({text!r}, file=sys.stderr, flush=True)"


def fill(pipe):
    """Writes until the pipe breaks."""
    while True:
        pipe.write(bytes(1 << 16))


def test_a_clean_end_raises_nothing(program):
    binary = program(say("[out] [verbose] all is well"), "assert sys.stdin.buffer.read() == b'abc'")
    with Process(binary, [], subject="clip.mkv", has_input=True) as process:
        process.stdin.write(b"abc")
        process.finish()
        assert process.log == "[out] [verbose] all is well"
        assert process.error_summary == "without a word"


def test_the_program_gets_the_arguments_after_those_that_make_it_talk(program):
    binary = program("print(sys.argv[1:], file=sys.stderr)")
    with Process(binary, ["-i", "a b"], subject="clip.mkv") as process:
        process.finish()
    assert "'-loglevel', 'level+verbose', '-i', 'a b']" in process.log


def test_an_exit_code_is_an_error_with_its_reason(program):
    binary = program(
        say("[vost#0:0] [error] no such filter: x"),
        say("[vost#0:0] [error] no such filter: x"),
        say("[out#0] [fatal] Conversion failed!"),
        say("[out#0] [warning] never mind"),
        "sys.exit(7)",
    )
    with Process(binary, [], subject="clip.mkv") as process:
        message = r"^clip\.mkv: ffmpeg failed \(7\): no such filter: x$"
        with pytest.raises(FFmpegError, match=message):
            process.finish()
        with pytest.raises(FFmpegError, match=message):
            process.check()


def test_a_signal_is_an_error(program):
    binary = program("os.kill(os.getpid(), signal.SIGKILL)")
    with (
        Process(binary, [], subject="clip.mkv") as process,
        pytest.raises(FFmpegError, match=r"\(SIGKILL\): it was killed, perhaps because the memory"),
    ):
        process.finish()


def test_only_the_last_errors_are_reported(program):
    binary = program(
        "for n in range(1000): print(f'[a] [error] number {n}', file=sys.stderr)", "sys.exit(1)"
    )
    with Process(binary, [], subject="clip.mkv") as process:
        with pytest.raises(FFmpegError):
            process.finish()
        last = [f"number {n}" for n in range(1000 - MAX_REPORTED_ERRORS, 1000)]
        assert process.error_summary == "; ".join(last)


def test_garbage_on_stderr_harms_nothing(program):
    binary = program(
        "sys.stderr.buffer.write(bytes(range(256)) * 4096 + b'\\xff[x] [error] half \\xe9\\n')",
        "sys.stderr.buffer.write(b'[y] [error] no end of line')",
        "sys.exit(3)",
    )
    with Process(binary, [], subject="clip.mkv") as process:
        with pytest.raises(FFmpegError, match=r"\(3\)"):
            process.finish()
        assert process.error_summary == "half \N{REPLACEMENT CHARACTER}; no end of line"


def test_a_log_without_an_end_of_line_does_not_fill_the_memory(program):
    binary = program("for _ in range(64): os.write(2, bytes(1 << 20))")
    with Process(binary, [], subject="clip.mkv") as process:
        process.finish()
        assert len(process.log) < 4 << 20


def test_a_full_disk_is_one_sentence_with_a_remedy(program):
    binary = program(
        say("[out#0] [error] Error writing trailer: No space left on device"),
        say("[out#0] [error] Error closing file: No space left on device"),
        "sys.exit(228)",
    )
    with (
        Process(binary, [], subject="clip.mkv") as process,
        pytest.raises(FFmpegError, match=r"\(228\): No space left on device: make[^;]*$"),
    ):
        process.finish()


@pytest.mark.parametrize(
    ("name", "words"),
    [("SIGXFSZ", r"\(SIGXFSZ\): a limit \(`ulimit -f`\)"), ("SIGABRT", r"\(SIGABRT\): without")],
)
def test_signals_have_names(program, name, words):
    binary = program(
        f"signal.signal(signal.{name}, signal.SIG_DFL)", f"os.kill(os.getpid(), signal.{name})"
    )
    with (
        Process(binary, [], subject="clip.mkv") as process,
        pytest.raises(FFmpegError, match=words),
    ):
        process.finish()


def script_around(program, folder, last=""):
    """A program that starts another one, which writes its number into a file and lives long."""
    inner = (
        "import os,time; from pathlib import Path; n = Path('number.part'); "
        "n.write_text(str(os.getpid())); n.rename('number'); time.sleep(600)"
    )
    binary = program(
        f"os.chdir({str(folder)!r}); import subprocess",
        f"child = subprocess.Popen([sys.executable, '-S', '-c', {inner!r}])",
        "while not os.path.exists('number'): time.sleep(0.01)",
        last or "child.wait()",
    )
    return binary, folder / "number"


def is_alive(number):
    try:
        return psutil.Process(int(number.read_text())).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ends(number):
    """Whether a process ends within a time; killing takes a moment."""
    limit = time.monotonic() + 20
    while is_alive(number) and time.monotonic() < limit:
        time.sleep(0.01)
    return not is_alive(number)


def test_a_program_behind_a_script_is_ended_too(program, tmp_path):
    binary, number = script_around(program, tmp_path)
    with Process(binary, [], subject="clip.mkv", has_input=True):
        while not number.exists():
            time.sleep(0.01)
    assert ends(number)


def test_a_script_that_dies_leaves_nothing_to_wait_for(program, tmp_path):
    binary, number = script_around(program, tmp_path, "sys.exit(3)")
    with (
        Process(binary, [], subject="clip.mkv") as process,
        pytest.raises(FFmpegError, match=r"\(3\)"),
    ):
        process.finish()
    assert ends(number)


def test_a_program_that_hangs_while_it_is_waited_for_is_ended(program, monkeypatch):
    monkeypatch.setattr(watchdog, "STALL_S", 0.2)
    with Process(program("time.sleep(600)"), [], subject="a.mkv", has_output=True) as process:
        assert process.stdout.read(1) == b""
        with pytest.raises(FFmpegError, match=r"a\.mkv: .*SIGKILL.* waited for, did nothing"):
            process.finish()


def test_a_program_that_works_or_waits_for_us_is_not_ended(program, monkeypatch):
    monkeypatch.setattr(watchdog, "STALL_S", 0.2)
    binary = program(
        "sys.stdin.buffer.read(1)",
        "end = time.process_time() + 0.5",
        "while time.process_time() < end: pass",
    )
    with Process(binary, [], subject="a.mkv", has_input=True) as process:
        time.sleep(0.6)  # it hangs, but nobody waits
        process.stdin.write(b"a")
        process.finish()


def test_a_program_that_does_not_answer_is_told(program, monkeypatch):
    monkeypatch.setattr(ffmpeg, "PROBE_TIMEOUT_S", 0.2)
    binary = program("time.sleep(600)")
    with pytest.raises(FFmpegNotFoundError, match=r"program does not answer .*`ffmpeg`"):
        describe_encoder(binary, "libx264")


def test_the_first_match_of_a_pattern_is_kept(program):
    binary = program(say("[a] [warning] DTS 5"), say("[a] [warning] DTS 6"))
    with Process(binary, [], subject="x", watch_for=(r"DTS (\d)", "nothing")) as process:
        process.finish()
    assert process.matched(r"DTS (\d)") == "[a] [warning] DTS 5"
    assert process.matched("nothing") is None


def test_a_program_that_dies_while_it_is_written_to(program):
    binary = program("sys.stdin.buffer.read(1000)", say("[a] [error] disk full"), "sys.exit(28)")
    with Process(binary, [], subject="clip.mkv", has_input=True) as process:
        with pytest.raises(OSError) as broken:
            fill(process.stdin)
        error = process.to_error(broken.value)
    assert str(error) == "clip.mkv: ffmpeg ended early (28): disk full"


def test_a_program_that_closes_its_input_and_lives_on(program):
    binary = program("os.close(0)", "time.sleep(600)")
    started = time.monotonic()
    with Process(binary, [], subject="clip.mkv", has_input=True) as process:
        with pytest.raises(OSError) as broken:
            fill(process.stdin)
        error = process.to_error(broken.value)
        process.check()  # it has not failed yet
    assert str(error).startswith("clip.mkv: frames do not reach ffmpeg: ")
    assert time.monotonic() - started < 60


def test_a_program_that_hangs_is_ended_by_leaving(program):
    binary = program("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "time.sleep(600)")
    started = time.monotonic()
    with Process(binary, [], subject="clip.mkv", has_input=True, has_output=True):
        pass
    assert time.monotonic() - started < 60


def test_kill_frees_whoever_writes(program):
    binary = program("time.sleep(600)")
    broken = []

    def write(pipe):
        try:
            fill(pipe)
        except OSError as error:
            broken.append(error)

    with Process(binary, [], subject="clip.mkv", has_input=True) as process:
        thread = threading.Thread(target=write, args=(process.stdin,))
        thread.start()
        time.sleep(0.2)  # the pipe is full
        process.kill()
        process.kill()
        thread.join(60)
        assert not thread.is_alive()
        assert str(process.to_error(broken[0])).startswith("clip.mkv: ffmpeg ended early (SIGKILL)")


def test_kill_frees_whoever_waits(program):
    binary = program("time.sleep(600)")
    with Process(binary, [], subject="clip.mkv", has_input=True) as process:
        timer = threading.Timer(0.2, process.kill)
        timer.start()
        with pytest.raises(FFmpegError):
            process.finish()
        timer.join()


def test_a_program_that_is_not_there():
    with pytest.raises(OSError):
        Process("/no/such/program", [], subject="clip.mkv")


def test_pipes_that_were_not_asked_for(program):
    with Process(program("pass"), [], subject="clip.mkv") as process:
        with pytest.raises(ValueError, match="has_input"):
            _ = process.stdin
        with pytest.raises(ValueError, match="has_output"):
            _ = process.stdout


def test_success_is_an_exit_code_of_zero(program):
    assert succeeds(program("pass"), [])
    assert not succeeds(program("sys.exit(1)"), [])


def test_encoders_describe_themselves():
    assert "Supported pixel formats: " in describe_encoder(find_ffmpeg(), "libx264")
    assert "Supported pixel formats: " not in describe_encoder(find_ffmpeg(), "no_such_encoder")


def test_a_program_that_is_no_ffmpeg_is_refused(program, tmp_path):
    path = tmp_path / "program"
    for statements, message in (
        (("sys.exit(1)",), "older than 6.1"),
        (("os.kill(os.getpid(), signal.SIGKILL)",), "older than 6.1"),
    ):
        find_ffmpeg.cache_clear()
        program(*statements)
        with pytest.raises(FFmpegNotFoundError, match=message):
            find_ffmpeg(path)
    path.write_text("no program at all")
    find_ffmpeg.cache_clear()
    with pytest.raises(FFmpegNotFoundError, match="does not run"):
        find_ffmpeg(path)
    find_ffmpeg.cache_clear()


def test_names_of_files_and_pixels(tmp_path):
    assert url(tmp_path / "a:b") == f"file:{tmp_path}/a:b"
    assert raw_format(np.dtype(np.uint8), has_alpha=False) == "rgb24"
    assert raw_format(np.dtype("<u2"), has_alpha=True) == "rgba64le"
