"""Finds ffmpeg, and asks it what it can."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

from realesr.errors import FFmpegError, FFmpegNotFoundError
from realesr.media.video.process import OWN_GROUP, Process, kill_group
from realesr.reasons import reason_of

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
    code, _ = _ask(binary, "-nostdin", "-v", "error", *CAPABILITY_CHECK)
    if code:
        raise FFmpegNotFoundError(
            f"{binary} cannot keep time stamps: it is older than 6.1, or no ffmpeg; leave out "
            "`ffmpeg` to use the one that comes with realesr"
        )


@functools.cache
def version_of(binary: str) -> str:
    """Returns the version of an ffmpeg, as it states it."""
    words = _ask(binary, "-version")[1].split()
    return words[2] if len(words) > 2 else "unknown"


def describe_encoder(binary: str, codec: str) -> str:
    """Returns what ffmpeg prints about an encoder, also when it does not know that encoder."""
    return _ask(binary, "-hide_banner", "-h", f"encoder={codec}")[1]


def _ask(binary: str, *arguments: str) -> tuple[int, str]:
    """Runs a program that answers at once; returns its exit code and what it prints.

    Raises:
        FFmpegNotFoundError: It does not run, or does not end.
    """
    try:
        asked = subprocess.Popen(  # noqa: S603 -- a program that the user names
            [binary, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **OWN_GROUP,
        )
    except OSError as error:
        raise FFmpegNotFoundError(f"{binary} does not run: {reason_of(error)}") from error
    with asked:
        try:
            answer, _ = asked.communicate(timeout=PROBE_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise FFmpegNotFoundError(
                f"{binary} does not answer within {PROBE_TIMEOUT_S} s: leave out `ffmpeg` to use "
                "the one that comes with realesr"
            ) from error
        finally:
            if asked.returncode is None:
                kill_group(asked)
    return asked.returncode, answer.decode(errors="replace")


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
