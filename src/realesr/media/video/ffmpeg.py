"""ffmpeg as a process: which one, how it is watched, and what it said when it failed."""

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

from realesr.errors import FFmpegError, FFmpegNotFoundError

PIPE_BYTES = 1 << 20
"""How much is read from a pipe, or written into it, at a time."""

_LOG_LINES = 400
MAX_REPORTED_ERRORS = 6
"""How many of its complaints an error repeats."""
EXIT_GRACE_S = 1
"""How long a process that has closed its pipe may take to end, s."""
_QUIET = ("-hide_banner", "-nostats", "-loglevel", "level+verbose")
_COMPLAINT = re.compile(r"\[(?:error|fatal|panic)\] (?P<words>.+)")
_ECHO = re.compile(
    r"Task finished with|Terminating thread|Nothing was written|Error sending frames|"
    r"Error while filtering|Conversion failed|Error opening output files|Could not open encoder"
)
"""What follows from a failure and does not tell its reason."""
PROBE_TIMEOUT_S = 30
CAPABILITY_CHECK = (
    *("-f", "lavfi", "-i", "color=size=16x16:duration=0.1"),
    *("-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "null", "-"),
)
"""What versions before 6.1 do not know."""


def url(path: Path) -> str:
    """How a file is called in ffmpeg's arguments: names may begin with ``-`` or hold colons."""
    return f"file:{path}"


def raw_format(dtype: np.dtype[Any], *, has_alpha: bool) -> str:
    """What ffmpeg calls RGB of this depth, with or without alpha."""
    if dtype.itemsize == 2:
        return "rgba64le" if has_alpha else "rgb48le"
    return "rgba" if has_alpha else "rgb24"


@functools.cache
def find_ffmpeg(asked_for: Path | None = None) -> str:
    """Finds an ffmpeg that keeps time stamps exactly.

    The one of imageio-ffmpeg comes first, because its version is known; then that of the PATH.

    Args:
        asked_for: A file or a command that is to be used, and no other.

    Raises:
        FFmpegNotFoundError: There is none, or it is older than 6.1.
    """
    if asked_for is not None and asked_for != Path("ffmpeg"):  # the reference's default
        found = shutil.which(asked_for)
        if found is None:
            raise FFmpegNotFoundError(f"`ffmpeg` {asked_for}: there is no such program")
        _check_abilities(found)
        return found
    candidates = []
    with suppress(RuntimeError):
        candidates.append(str(imageio_ffmpeg.get_ffmpeg_exe()))
    on_path = shutil.which("ffmpeg")
    if on_path is not None:
        candidates.append(on_path)
    for candidate in candidates:
        try:
            _check_abilities(candidate)
        except FFmpegNotFoundError:
            continue
        return candidate
    raise FFmpegNotFoundError(
        "no ffmpeg of version 6.1 or newer was found: `pip install --force-reinstall "
        "imageio-ffmpeg` brings one, or name yours with `ffmpeg`"
    )


def _check_abilities(binary: str) -> None:
    command = [binary, "-nostdin", "-v", "error", *CAPABILITY_CHECK]
    try:
        tried = subprocess.run(  # noqa: S603 -- a program that the user names
            command, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FFmpegNotFoundError(f"{binary} does not run: {error}") from error
    if tried.returncode:
        raise FFmpegNotFoundError(
            f"{binary} cannot keep time stamps: it is older than 6.1, or no ffmpeg; leave out "
            "`ffmpeg` to use the one that comes with realesr"
        )


def describe_encoder(binary: str, codec: str) -> str:
    """What ffmpeg prints about an encoder; it says so, too, when there is none."""
    command = [binary, "-hide_banner", "-h", f"encoder={codec}"]
    said = subprocess.run(  # noqa: S603
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PROBE_TIMEOUT_S,
        check=False,
    )
    return said.stdout


def succeeds(binary: str, arguments: Sequence[str]) -> bool:
    """Runs ffmpeg to its end and tells whether it succeeded."""
    with Process(binary, ["-nostdin", *arguments], subject="ffmpeg") as process:
        try:
            process.finish()
        except FFmpegError:
            return False
    return True


class Process(AbstractContextManager["Process", None]):
    """A running ffmpeg whose words are kept. Leaving the context ends it.

    Args:
        binary: The program.
        arguments: Without the program's name.
        subject: What it works on, for messages.
        has_input: Whether ``stdin`` is a pipe.
        has_output: Whether ``stdout`` is a pipe.
        watch_for: Patterns of words that :meth:`saw` finds.
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
        self._seen: dict[str, str] = {}
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
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def stdin(self) -> IO[bytes]:
        """Where it reads."""
        if self._process.stdin is None:
            raise ValueError("was started without has_input")
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Where it writes."""
        if self._process.stdout is None:
            raise ValueError("was started without has_output")
        return self._process.stdout

    @property
    def log(self) -> str:
        """The end of what it has said."""
        return "\n".join(self._lines)

    @property
    def error_summary(self) -> str:
        """Its last complaints, in one line."""
        unique = dict.fromkeys(self._errors)
        return "; ".join(unique) or "without a word"

    def finish(self) -> None:
        """Waits for its end.

        Raises:
            FFmpegError: It failed.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        code = self._process.wait()
        self._listener.join()
        if code:
            raise FFmpegError(f"{self._subject}: ffmpeg failed ({code}): {self.error_summary}")

    def check(self) -> None:
        """Tells of its failure, if it has ended or is about to.

        Raises:
            FFmpegError: It has failed.
        """
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_GRACE_S)
        if self._process.poll() is not None:
            self.finish()

    def fail(self, cause: Exception) -> FFmpegError:
        """The error of writing to it, or reading from it, in vain; ends it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_GRACE_S)
        code = self._process.poll()
        self.end()
        if code is None:
            return FFmpegError(f"{self._subject}: frames do not reach ffmpeg: {cause}")
        return FFmpegError(f"{self._subject}: ffmpeg ended early ({code}): {self.error_summary}")

    def kill(self) -> None:
        """Ends it at once, from whatever thread; who waits for it goes on."""
        if self._process.poll() is None:
            self._process.kill()

    def saw(self, pattern: str) -> str | None:
        """The first complaint or warning that matches one of the patterns that were given."""
        return self._seen.get(pattern)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ends it, whatever it is doing. Nothing of what it writes is wanted any more."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what waits for a process that has died
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
                if pattern not in self._seen and re.search(pattern, text):
                    self._seen[pattern] = text
            complaint = _COMPLAINT.search(text)
            if complaint and not _ECHO.search(text):
                self._errors.append(complaint["words"])
