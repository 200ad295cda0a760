"""Bodies of requests: written into a folder of the service, as they come."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from realesr.media.content import Kind
from realesr.serving.work import HEAD_BYTES, INPUT, suffix_of

_PART_BYTES = 2**20
_MAX_FIELDS = 40


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that has come whole.

    Attributes:
        path: Where it is, in a folder of its own, with the suffix of its content.
        name: What the client calls it; for display alone.
        fields: Names and values of further fields of a form, in their order.
    """

    path: Path
    name: str
    fields: tuple[tuple[str, str], ...]


def new_folder(place: Path) -> Path:
    """Returns a new folder, which whoever gets it removes."""
    return Path(mkdtemp(dir=place))


def remove(folder: Path) -> None:
    """Removes a folder and its content."""
    shutil.rmtree(folder, ignore_errors=True)


async def save_upload(request: Request, folder: Path, *, kinds: tuple[Kind, ...]) -> Upload:
    """Writes the body of a request into a folder.

    Args:
        request: The request; a form has the file in its field ``file``.
        folder: An empty folder.
        kinds: What the body may be.

    Raises:
        HTTPException: The body is too large, too slow, empty, or a form without a file.
        UnsupportedMediaError: It is something else.
        ClientDisconnect: The client has gone.
    """
    path = folder / INPUT
    name = ""
    fields: tuple[tuple[str, str], ...] = ()
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=1, max_fields=_MAX_FIELDS, max_part_size=2**16) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(422, "the form has no file in its field `file`")
            name = file.filename or ""
            fields = tuple(
                (key, value) for key, value in form.multi_items() if isinstance(value, str)
            )
            with path.open("wb") as target:
                while part := await file.read(_PART_BYTES):
                    await asyncio.to_thread(target.write, part)
    else:
        with path.open("wb") as target:
            async for part in request.stream():
                await asyncio.to_thread(target.write, part)
    with path.open("rb") as source:
        head = source.read(HEAD_BYTES)
    if not head:
        raise HTTPException(422, "the body is empty")
    suffix = suffix_of(head, kinds=kinds)
    return Upload(path.rename(path.with_suffix(suffix)), name, fields)


def options_of(request: Request, upload: Upload) -> tuple[tuple[str, str], ...]:
    """Returns names and values of all options, from the query and from the form."""
    return (*request.query_params.multi_items(), *upload.fields)
