"""Finds ffmpeg, runs it as a process, and reports its errors."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import imageio_ffmpeg
import numpy as np

from realesr.emergency import on_emergency
from realesr.errors import FFmpegError, FFmpegNotFoundError

PIPE_BYTES = 1 << 20
"""Buffer size of a pipe, bytes: the largest single read or write."""

_LOG_LINES = 400
MAX_REPORTED_ERRORS = 6
"""Number of lines of ffmpeg's log that an error message repeats."""
EXIT_GRACE_S = 1
"""Time that a process may take to exit after its pipe has closed, s."""
_QUIET = ("-hide_banner", "-nostats", "-loglevel", "level+verbose")
_ERROR_LINE = re.compile(r"\[(?:error|fatal|panic)\] (?P<text>.+)")
_ECHO = re.compile(
    r"Task finished with|Terminating thread|Nothing was written|Error sending frames|"
    r"Error while filtering|Conversion failed|Error opening output files|Could not open encoder"
)
"""Lines that follow every failure and do not contain its reason."""
_DATA_STREAM = re.compile(r"Stream #0:(\d+).*?: Data: ([^,\n]*)")
PROBE_TIMEOUT_S = 30
"""Time that ffmpeg may take to answer a question about itself, s."""
CAPABILITY_CHECK = (
    *("-f", "lavfi", "-i", "color=size=16x16:duration=0.1"),
    *("-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "null", "-"),
)
"""Arguments that fail in versions before 6.1, which lack ``-enc_time_base demux``."""


def url(path: Path) -> str:
    """Returns the form of a path that is safe in ffmpeg's arguments.

    File names may begin with ``-`` or contain colons.
    """
    return f"file:{path}"


def raw_format(dtype: np.dtype[Any], *, has_alpha: bool) -> str:
    """Returns ffmpeg's name of packed RGB with this dtype, with or without alpha."""
    if dtype.itemsize == 2:
        return "rgba64le" if has_alpha else "rgb48le"
    return "rgba" if has_alpha else "rgb24"


@functools.cache
def find_ffmpeg(asked_for: Path | None = None) -> str:
    """Finds an ffmpeg that keeps time stamps exactly.

    The program of imageio-ffmpeg is preferred, because its version is known. The PATH comes
    second.

    Args:
        asked_for: The only file or command to try, or None.

    Raises:
        FFmpegNotFoundError: No ffmpeg was found, or it is older than 6.1.
    """
    if asked_for is not None and asked_for != Path("ffmpeg"):  # the reference's default
        found = shutil.which(asked_for)
        if found is None:
            raise FFmpegNotFoundError(f"`ffmpeg` {asked_for}: there is no such program")
        _check_capabilities(found)
        return found
    candidates = []
    with suppress(RuntimeError):
        candidates.append(str(imageio_ffmpeg.get_ffmpeg_exe()))
    on_path = shutil.which("ffmpeg")
    if on_path is not None:
        candidates.append(on_path)
    for candidate in candidates:
        try:
            _check_capabilities(candidate)
        except FFmpegNotFoundError:
            continue
        return candidate
    raise FFmpegNotFoundError(
        "no ffmpeg of version 6.1 or newer was found: `pip install --force-reinstall "
        "imageio-ffmpeg` brings one, or name yours with `ffmpeg`"
    )


def _check_capabilities(binary: str) -> None:
    command = [binary, "-nostdin", "-v", "error", *CAPABILITY_CHECK]
    try:
        trial = subprocess.run(  # noqa: S603 -- a program that the user names
            command, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FFmpegNotFoundError(f"{binary} does not run: {error}") from error
    if trial.returncode:
        raise FFmpegNotFoundError(
            f"{binary} cannot keep time stamps: it is older than 6.1, or no ffmpeg; leave out "
            "`ffmpeg` to use the one that comes with realesr"
        )


@functools.cache
def version_of(binary: str) -> str:
    """Returns the version of an ffmpeg, as it states it."""
    answer = subprocess.run(  # noqa: S603
        [binary, "-version"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PROBE_TIMEOUT_S,
        check=False,
    )
    words = answer.stdout.split()
    return words[2] if len(words) > 2 else "unknown"


def describe_encoder(binary: str, codec: str) -> str:
    """Returns what ffmpeg prints about an encoder, also when it does not know that encoder."""
    command = [binary, "-hide_banner", "-h", f"encoder={codec}"]
    answer = subprocess.run(  # noqa: S603
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PROBE_TIMEOUT_S,
        check=False,
    )
    return answer.stdout


def succeeds(binary: str, arguments: Sequence[str]) -> bool:
    """Runs ffmpeg to its end and returns whether it succeeded."""
    with Process(binary, ["-nostdin", *arguments], subject="ffmpeg") as process:
        try:
            process.finish()
        except FFmpegError:
            return False
    return True


def data_kinds(binary: str, arguments: Sequence[str]) -> dict[int, str]:
    """Returns ffmpeg's description of each data stream of an input, by the stream's number.

    PyAV does not tell what kind of data a stream holds.

    Args:
        binary: The program.
        arguments: Those that open the input.
    """
    with Process(binary, ["-nostdin", *arguments], subject="ffmpeg") as process:
        with suppress(FFmpegError):  # there is no output
            process.finish()
        return {int(found[1]): found[2] for found in _DATA_STREAM.finditer(process.log)}


class Process(AbstractContextManager["Process", None]):
    """A running ffmpeg whose log is kept. Leaving the context ends the process.

    Args:
        binary: The program.
        arguments: Arguments without the program's name.
        subject: The file that the process works on; error messages begin with it.
        has_input: Whether ``stdin`` is a pipe.
        has_output: Whether ``stdout`` is a pipe.
        watch_for: Regular expressions; :meth:`matched` returns the first line that matches one.
    """

    def __init__(
        self,
        binary: str,
        arguments: Sequence[str],
        *,
        subject: str,
        has_input: bool = False,
        has_output: bool = False,
        watch_for: Sequence[str] = (),
    ) -> None:
        self._patterns = watch_for
        self._matches: dict[str, str] = {}
        self._subject = subject
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._errors: deque[str] = deque(maxlen=MAX_REPORTED_ERRORS)
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603
            [binary, *_QUIET, *arguments],
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE if has_output else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            # A Ctrl-C in a terminal reaches the whole group: we decide what becomes of the child.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._forget = on_emergency(self.kill)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def stdin(self) -> IO[bytes]:
        """The pipe that the process reads from."""
        if self._process.stdin is None:
            raise ValueError("was started without has_input")
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The pipe that the process writes to."""
        if self._process.stdout is None:
            raise ValueError("was started without has_output")
        return self._process.stdout

    @property
    def log(self) -> str:
        """The last lines of the log."""
        return "\n".join(self._lines)

    @property
    def error_summary(self) -> str:
        """The last error lines of the log without repetitions, joined into one line."""
        unique = dict.fromkeys(self._errors)
        return "; ".join(unique) or "without a word"

    def finish(self) -> None:
        """Closes the input and waits for the process to exit.

        Raises:
            FFmpegError: The exit code is not 0.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        code = self._process.wait()
        self._listener.join()
        if code:
            raise FFmpegError(f"{self._subject}: ffmpeg failed ({code}): {self.error_summary}")

    def check(self) -> None:
        """Raises the error of a process that has exited or is about to.

        Raises:
            FFmpegError: The process has failed.
        """
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_GRACE_S)
        if self._process.poll() is not None:
            self.finish()

    def to_error(self, cause: Exception) -> FFmpegError:
        """Returns the error that explains why a pipe broke. The caller ends the process.

        Args:
            cause: The exception that reading or writing the pipe has raised.
        """
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_GRACE_S)
        code = self._process.poll()
        self._listener.join(EXIT_GRACE_S)  # the reason may still be on its way
        if code is None:
            return FFmpegError(f"{self._subject}: frames do not reach ffmpeg: {cause}")
        return FFmpegError(f"{self._subject}: ffmpeg ended early ({code}): {self.error_summary}")

    def kill(self) -> None:
        """Kills the process, from any thread. Whatever waits for the process continues."""
        if self._process.poll() is None:
            self._process.kill()

    def matched(self, pattern: str) -> str | None:
        """Returns the first log line that matches one of the ``watch_for`` patterns, or None."""
        return self._matches.get(pattern)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kills the process, closes its pipes and waits for it. What it still writes is lost."""
        self._forget()
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # buffered data for a process that has died
                    pipe.close()
        self._process.wait()
        self._listener.join()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _listen(self) -> None:
        if self._process.stderr is None:
            return
        for line in iter(self._process.stderr.readline, b""):
            text = line.decode(errors="replace").rstrip()
            self._lines.append(text)
            for pattern in self._patterns:
                if pattern not in self._matches and re.search(pattern, text):
                    self._matches[pattern] = text
            error = _ERROR_LINE.search(text)
            if error and not _ECHO.search(text):
                self._errors.append(error["text"])
