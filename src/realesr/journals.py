"""Journals: files of JSON lines that a run adds to, and that the next one goes on from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from realesr.errors import UnreadableMediaError
from realesr.reasons import reason_of


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yields the entries of a journal; lines that are damaged, or no objects, are passed over.

    Raises:
        UnreadableMediaError: The file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnreadableMediaError(f"{path}: {reason_of(error)}") from error
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry
