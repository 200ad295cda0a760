"""A running ffmpeg: its pipes, its log, and how it ends."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import IO, Any, cast

from realesr.emergency import on_emergency
from realesr.errors import FFmpegError
from realesr.media.video import watchdog
from realesr.media.video.watchdog import Watchdog, WatchedPipe
from realesr.reasons import known_reason

PIPE_BYTES = 1 << 20
"""Buffer size of a pipe, bytes: the largest single read or write."""

_LOG_LINES = 400
_LOG_LINE_BYTES = 1 << 12
"""Longest line of the log that is kept whole, bytes: more would fill the memory."""
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
OWN_GROUP: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if sys.platform == "win32"
    else {"start_new_session": True}
)
"""A Ctrl-C in a terminal reaches the whole group: we decide what becomes of a child."""


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and what it has started: a program may be a script around another one."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()


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
        self._lines: deque[bytes] = deque(maxlen=_LOG_LINES)
        # One look at each line: ffmpeg lists each chapter of each input, of which there can be
        # thousands.
        self._remarkable = re.compile("|".join((_ERROR_LINE.pattern, *watch_for)).encode())
        self._errors: deque[str] = deque(maxlen=MAX_REPORTED_ERRORS)
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603
            [binary, *_QUIET, *arguments],
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE if has_output else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            **OWN_GROUP,
        )
        try:
            self._forget = on_emergency(self.kill)
        except InterruptedError:
            self.kill()
            raise
        self._watchdog = Watchdog(self._process.pid, self._stop_hanging)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def stdin(self) -> IO[bytes]:
        """The pipe that the process reads from."""
        if self._process.stdin is None:
            raise ValueError("was started without has_input")
        return cast("IO[bytes]", WatchedPipe(self._process.stdin, self._watchdog))

    @property
    def stdout(self) -> IO[bytes]:
        """The pipe that the process writes to."""
        if self._process.stdout is None:
            raise ValueError("was started without has_output")
        return cast("IO[bytes]", WatchedPipe(self._process.stdout, self._watchdog))

    @property
    def log(self) -> str:
        """The last lines of the log."""
        return "\n".join(line.decode(errors="replace").rstrip() for line in list(self._lines))

    @property
    def error_summary(self) -> str:
        """The last error lines of the log without repetitions, joined into one line."""
        unique = dict.fromkeys(self._errors)
        if (reason := known_reason("; ".join(unique))) is not None:
            return reason
        return "; ".join(unique) or "without a word"

    def finish(self) -> None:
        """Closes the input and waits for the process to exit.

        Raises:
            FFmpegError: The exit code is not 0.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        with self._watchdog.waiting():
            code = self._process.wait()
        self._hear_out()
        if code:
            raise FFmpegError(f"{self._subject}: ffmpeg failed {self._ending}")

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
        return FFmpegError(f"{self._subject}: ffmpeg ended early {self._ending}")

    @property
    def _ending(self) -> str:
        """The exit code, and the reason."""
        code = self._process.returncode
        if code == -getattr(signal, "SIGKILL", 0) and not self._errors:
            return "(SIGKILL): it was killed, perhaps because the memory was short"
        if code == -getattr(signal, "SIGXFSZ", 0):
            return "(SIGXFSZ): a limit (`ulimit -f`) allows no file of this size"
        if code < 0:
            with suppress(ValueError):
                return f"({signal.Signals(-code).name}): {self.error_summary}"
        return f"({code}): {self.error_summary}"

    def _hear_out(self) -> None:
        """Waits for the end of the log, which a program that was started from a script may hold."""
        self._listener.join(EXIT_GRACE_S)
        if self._listener.is_alive():
            kill_group(self._process)
            self._listener.join()

    def kill(self) -> None:
        """Kills the process, from any thread. Whatever waits for the process continues."""
        if self._process.poll() is None:
            kill_group(self._process)

    def _stop_hanging(self) -> None:
        self._errors.append(
            f"it was waited for, did nothing for {watchdog.STALL_S / 60:g} minutes, and was ended"
        )
        self.kill()

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
        self._watchdog.close()
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # buffered data for a process that has died
                    pipe.close()
        self._process.wait()
        self._hear_out()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _listen(self) -> None:
        if self._process.stderr is None:
            return
        # Without a buffer each byte would be a call of the system.
        lines = io.BufferedReader(io.FileIO(self._process.stderr.fileno(), closefd=False))
        for line in iter(lambda: lines.readline(_LOG_LINE_BYTES), b""):
            self._lines.append(line)
            if not self._remarkable.search(line):
                continue
            text = line.decode(errors="replace").rstrip()
            for pattern in self._patterns:
                if pattern not in self._matches and re.search(pattern, text):
                    self._matches[pattern] = text
            error = _ERROR_LINE.search(text)
            if error and not _ECHO.search(text):
                self._errors.append(error["text"])
