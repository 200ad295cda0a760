"""The process wrapper, with programs that die in every way that ffmpeg might."""

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

from realesr.errors import FFmpegError, FFmpegNotFoundError
from realesr.media.video.ffmpeg import (
    MAX_REPORTED_ERRORS,
    Process,
    describe_encoder,
    find_ffmpeg,
    raw_format,
    succeeds,
    url,
)

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
        pytest.raises(FFmpegError, match=rf"\({-signal.SIGKILL}\): without a word"),
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
        assert str(process.to_error(broken[0])).startswith(
            f"clip.mkv: ffmpeg ended early ({-signal.SIGKILL})"
        )


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
