"""Answers: results as files, and errors in words without paths."""

from __future__ import annotations

import logging
import mimetypes
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

import anyio.to_thread
from starlette.responses import JSONResponse, StreamingResponse

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
from realesr.serving.tickets import StoppedError
from realesr.serving.work import Made

logger = logging.getLogger(__name__)

_BLOCK = 2**18
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


def words_of(error: Exception, folder: Path) -> str:
    """Returns the message of an error without places on this machine."""
    if not isinstance(error, RealesrError | StoppedError):
        return "something went wrong here"
    words = str(error)
    for place in sorted((str(folder), os.path.realpath(folder)), key=len, reverse=True):
        words = words.replace(place + os.sep, "")
    return words


def failure(error: Exception, folder: Path) -> JSONResponse:
    """Returns the answer to a request that has failed."""
    status = status_of(error)
    if status == 500:
        logger.error("a request failed", exc_info=error)
    return JSONResponse({"detail": words_of(error, folder)}, status)


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
    size = os.fstat(file.fileno()).st_size
    stem = Path(name.replace("\\", "/")).stem[:100] or "result"
    described = {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{stem}_out{suffix}')}",
        "X-Content-Type-Options": "nosniff",
        **headers,
    }
    return StreamingResponse(_blocks(file), media_type=media_type(suffix), headers=described)


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
