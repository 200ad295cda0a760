"""Paths of objects in stores such as S3, written as URLs. Nothing is opened here."""

from __future__ import annotations

import re
from pathlib import Path

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://?[^/]")


class UrlPath(type(Path())):  # type: ignore[misc]
    """A path whose text is a URL, such as ``s3://bucket/folder/name.png``.

    Parents, names and suffixes are those of any path. Calls that touch the file system find
    nothing.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return self.as_posix()

    def as_posix(self) -> str:
        """Returns the URL, with slashes."""
        text: str = super().__str__().replace("\\", "/")
        scheme, colon, rest = text.partition(":/")
        return f"{scheme}://{rest.lstrip('/')}" if colon else text  # or a part of a URL

    def absolute(self) -> Path:
        """Returns itself: a URL means the same everywhere."""
        return self


def path_of(text: str) -> Path:
    """Returns a path, or a :class:`UrlPath` for a URL with a scheme of more than one letter."""
    return UrlPath(text) if _URL.match(text) else Path(text)


def is_url(path: Path) -> bool:
    """Returns whether a path is a URL."""
    return isinstance(path, UrlPath)
