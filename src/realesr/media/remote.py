"""Objects in stores such as S3, through fsspec: listed, fetched, and put in one step.

Credentials are those that fsspec's file systems find by themselves: variables, files, roles.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from realesr.errors import MissingExtraError, UnreadableMediaError, UnwritableMediaError
from realesr.media.listing import in_order
from realesr.media.urls import UrlPath

_ATOMIC = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss"))
"""Stores in which an object appears only when it is whole."""
_PAGE = 1000
"""Number of objects in a page; S3 gives no more."""
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}


def listed(url: Path, *, is_recursive: bool) -> Iterator[tuple[Path, Path | None, int]]:
    """Yields objects, each with the searched prefix, or None if it was named itself, and its bytes.

    Of S3 a page of a listing is in memory at a time, of other stores a level of the tree.

    Args:
        url: An object, or a prefix that stands for a folder.
        is_recursive: Whether prefixes below are searched too.

    Raises:
        UnreadableMediaError: There is nothing, or the store cannot be read.
        MissingExtraError: A package for the store is not installed.
    """
    system, scheme = file_system(url)
    key = system._strip_protocol(str(url))
    with _Reasons(url, UnreadableMediaError):
        if system.isfile(key):
            yield url, None, int(system.size(key) or 0)
            return
        walk = _walk_s3 if hasattr(system, "call_s3") else _walk
        for folder, files in walk(system, key, is_recursive=is_recursive):
            for name, size in files:
                if name and not name.startswith("."):
                    yield UrlPath(f"{scheme}://{folder.lstrip('/')}/{name}"), url, size


_Level = tuple[str, Iterator[tuple[str, int]]]
"""A folder, and its objects in order, each with its bytes."""


def _walk(system: Any, top: str, *, is_recursive: bool) -> Iterator[_Level]:
    depth = None if is_recursive else 1
    for folder, _, files in system.walk(top, maxdepth=depth, detail=True, on_error="raise"):
        yield folder, ((name, int(files[name].get("size") or 0)) for name in sorted(files))


def _walk_s3(system: Any, top: str, *, is_recursive: bool) -> Iterator[_Level]:
    """The same page by page, because fsspec's listings of S3 hold all details of a level."""
    left = [top]
    while left:
        folder = left.pop()
        below: list[str] = []
        files = in_order(_objects(system, folder, below))
        first = next(files, None)
        if first is None and not below and folder == top:
            raise FileNotFoundError(top)
        yield folder, files if first is None else chain((first,), files)
        if is_recursive:
            left += sorted(below, reverse=True)


def _objects(system: Any, folder: str, below: list[str]) -> Iterator[tuple[str, int]]:
    """Yields names and bytes of the objects of a folder of S3; adds its folders to a list."""
    bucket, key, _ = system.split_path(folder)
    prefix = f"{key}/" if key else ""
    more: dict[str, str] = {}
    while True:
        page = system.call_s3(
            "list_objects_v2",
            Bucket=bucket,
            Prefix=prefix,
            Delimiter="/",
            MaxKeys=_PAGE,
            **system.req_kw,
            **more,
        )
        found = (each["Prefix"] for each in page.get("CommonPrefixes", ()))
        below += (f"{bucket}/{name.removesuffix('/')}" for name in found)
        for each in page.get("Contents", ()):
            yield each["Key"].removeprefix(prefix), int(each["Size"])
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def fetch(url: Path, place: Path) -> None:
    """Copies an object into a local file.

    Raises:
        UnreadableMediaError: It cannot be read.
        MissingExtraError: A package for the store is not installed.
    """
    system, _ = file_system(url)
    with _Reasons(url, UnreadableMediaError):
        system.get_file(system._strip_protocol(str(url)), str(place))


def put(place: Path, url: Path) -> None:
    """Copies a local file to a URL, under which it appears only when it is whole.

    Raises:
        UnwritableMediaError: It cannot be written.
        MissingExtraError: A package for the store is not installed.
    """
    system, scheme = file_system(url)
    key = system._strip_protocol(str(url))
    with _Reasons(url, UnwritableMediaError):
        if scheme in _ATOMIC:
            system.put_file(str(place), key)
            return
        parent = key.rpartition("/")[0]
        system.makedirs(parent, exist_ok=True)
        partial = f"{parent}/.realesr-{os.urandom(6).hex()}.part"
        try:
            system.put_file(str(place), partial)
            system.mv(partial, key)
        except BaseException:
            if system.exists(partial):
                system.rm_file(partial)
            raise


def file_system(url: Path) -> tuple[Any, str]:
    """Returns fsspec's file system of a URL, and its scheme.

    Raises:
        MissingExtraError: A package for the store is not installed.
    """
    scheme = str(url).partition("://")[0].lower()
    return _file_system(scheme), scheme


@cache
def _file_system(scheme: str) -> Any:
    try:
        import fsspec

        return fsspec.filesystem(scheme)
    except (ImportError, ValueError) as error:
        extra = _EXTRAS.get(scheme)
        remedy = f'pip install "realesr[{extra}]"' if extra else "install fsspec's package for it"
        raise MissingExtraError(f"{scheme}:// cannot be opened ({error}): {remedy}") from error


class _Reasons:
    """Names the object in errors of a store, whatever their class is."""

    def __init__(self, url: Path, error: Callable[[str], Exception]) -> None:
        self._url = url
        self._error = error

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, FileNotFoundError):
            raise self._error(f"{self._url}: no such object or folder") from error
        if isinstance(error, Exception):
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise self._error(f"{self._url}: {reason}") from error
