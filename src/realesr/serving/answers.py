"""Answers: results as files, and errors in words without paths."""

from __future__ import annotations

import logging
import mimetypes
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from realesr.errors import (
    MediaError,
    OutOfMemoryError,
    RealesrError,
    TooLargeMediaError,
    UnreadableMediaError,
    UnsupportedMediaError,
    UnwritableMediaError,
    UsageError,
)
from realesr.serving.parameters import with_hyphens
from realesr.serving.tickets import StoppedError
from realesr.serving.work import INPUT, OUTPUT, Made

logger = logging.getLogger(__name__)

ASKED_METHOD = "realesr.method"
"""Key of a scope with the method that a client has sent, where it counts as another one."""
GONE = "no such video is here, or it was removed"
_REFUSALS = {400: "the header Range cannot be read", 416: "the file has no such part"}
_BLOCK = 2**18
_LONGEST_NAME = 100
_TYPES = {
    ".avif": "image/avif",
    ".jxl": "image/jxl",
    ".webp": "image/webp",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
}
_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (StoppedError, 503),
    (TooLargeMediaError, 413),
    (OutOfMemoryError, 413),
    (UnsupportedMediaError, 415),
    (UnreadableMediaError, 422),
    (UnwritableMediaError, 422),
    (UsageError, 422),
    (MediaError, 422),
)
"""Status of each kind of error, the first that fits."""


def status_of(error: Exception) -> int:
    """Returns the status of an error; 500 if it is not the client's."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def words_of(error: Exception, folder: Path, name: str = "") -> str:
    """Returns the message of an error for a client; see :func:`told`."""
    if not isinstance(error, RealesrError | StoppedError):
        return "something went wrong here"
    return told(str(error), folder, name)


def told(message: str, folder: Path, name: str = "") -> str:
    """Returns a message for a client: without places and names of files on this machine.

    Args:
        message: A message of the package.
        folder: Folder of the files that it may name.
        name: What the client calls its input; empty if it has not said so.
    """
    own = {INPUT: name[:_LONGEST_NAME] or "the body", OUTPUT: "the result"}
    words = with_hyphens(message)
    for place in sorted((str(folder), os.path.realpath(folder)), key=len, reverse=True):
        inside = rf"(?:file:)?{re.escape(place + os.sep)}"
        file = rf"{inside}({'|'.join(own)})(?:\.\w+)?(?![\w.])"
        words = re.sub(file, lambda match: own[match[1]], words)
        words = re.sub(inside, "", words)
    return words


def failure(error: Exception, folder: Path, name: str = "") -> JSONResponse:
    """Returns the answer to a request that has failed.

    Args:
        error: Why.
        folder: Folder of its files.
        name: What the client calls its input; empty if it has not said so.
    """
    status = status_of(error)
    if status == 500:
        logger.error("a request failed", exc_info=error)
    return JSONResponse({"detail": words_of(error, folder, name)}, status)


def file_answer(
    file: IO[bytes], suffix: str, name: str, headers: Mapping[str, str]
) -> StreamingResponse:
    """Returns an answer with the content of an open file, which is closed in the end.

    Args:
        file: The file, which need not have a name any more.
        suffix: Its suffix.
        name: What the client called its input.
        headers: Further headers.
    """
    described = {
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        **_described(suffix, name),
        **headers,
    }
    return StreamingResponse(_blocks(file), media_type=media_type(suffix), headers=described)


def ranged_answer(path: Path, name: str, headers: Mapping[str, str]) -> FileResponse:
    """Returns an answer with the content of a file, or with the part that is asked for.

    Args:
        path: The file, which may be removed at any time; once it is open, it is sent to its end.
        name: What the client called its input.
        headers: Further headers.

    Raises:
        HTTPException: The file has been removed: 404.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise HTTPException(404, GONE) from error
    return _RangedFile(
        path,
        headers={**_described(path.suffix, name), **headers},
        media_type=media_type(path.suffix),
        stat_result=found,
    )


class _RangedFile(FileResponse):
    """A file whose refusals are told as all others are."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the file or a part of it.

        Raises:
            HTTPException: The part cannot be read from the request (400), the file does not have
                it (416), or was removed (404).
        """
        held: Message | None = None

        async def checked(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                self._check(message["status"])
                held = message  # until the file is open
                return
            if held is not None:
                await send(held)
                held = None
            await send(message)

        method = scope.get(ASKED_METHOD, scope["method"])
        try:
            await super().__call__({**scope, "method": method}, receive, checked)
        except FileNotFoundError as error:
            raise HTTPException(404, GONE) from error

    def _check(self, status: int) -> None:
        """Raises a refusal of the base class as an error.

        Raises:
            HTTPException: It is one.
        """
        if status in _REFUSALS:
            size = 0 if self.stat_result is None else self.stat_result.st_size
            headers = {"Content-Range": f"bytes */{size}"} if status == 416 else None
            raise HTTPException(status, _REFUSALS[status], headers)


def _described(suffix: str, name: str) -> dict[str, str]:
    """Returns the headers that every result has, with a name for the file."""
    stem = Path(name.replace("\\", "/")).stem[:100] or "result"
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{stem}_out{suffix}')}",
        "X-Content-Type-Options": "nosniff",
    }


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while block := await anyio.to_thread.run_sync(file.read, _BLOCK):
            yield block
    finally:
        file.close()


def media_type(suffix: str) -> str:
    """Returns the media type of a file, by its suffix."""
    known = _TYPES.get(suffix) or mimetypes.guess_type(f"a{suffix}")[0]
    return known or "application/octet-stream"


def headers_of(made: Made, model: str) -> dict[str, str]:
    """Returns what is told about a result."""
    outcome = made.outcome
    codes = dict.fromkeys(notice.code for notice in made.notices)
    return {
        "X-Realesr-Model": model,
        "X-Realesr-Source-Size": str(outcome.source_size),
        "X-Realesr-Size": str(outcome.size),
        "X-Realesr-Seconds": f"{outcome.seconds:.3f}",
        "X-Realesr-Notices": ", ".join(codes),
    }
