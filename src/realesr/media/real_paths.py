"""Paths without links."""

from __future__ import annotations

import os
from pathlib import Path

_KNOWN_FOLDERS = 10_000
"""Number of folders whose real paths are kept."""


class RealPaths:
    """Paths without links: of a folder only the first time, so that deep trees cost little."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: Path, *, is_link: bool | None = None) -> str:
        """Returns the absolute path without links; a loop of links is left as it is.

        Args:
            path: Any path.
            is_link: Whether its last part is a link, if that is known.
        """
        text, name = str(path), path.name
        folder = text[: len(text) - len(name)]
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        real = self._folders.get(folder)
        if real is None:
            if len(self._folders) >= _KNOWN_FOLDERS:
                self._folders.clear()
            real = self._folders[folder] = os.path.realpath(folder)
        joined = os.path.join(real, name)  # noqa: PTH118 -- many thousand times
        if os.path.islink(joined) if is_link is None else is_link:  # noqa: PTH114
            return os.path.realpath(joined)
        return joined
