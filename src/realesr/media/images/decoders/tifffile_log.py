"""What tifffile logs while it reads: it goes into notices instead of standard error."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OF_PIXELS = re.compile(r"segments|StripOffsets|StripByteCounts|TileOffsets|TileByteCounts")
"""Warnings that concern pixels; others concern single tags."""


class _Collector(logging.Handler):
    """Collects the warnings of the calling thread; others see none on standard error."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps the message, if its thread reads an image."""
        words = getattr(self.local, "words", None)
        message = record.getMessage()
        if words is not None and _OF_PIXELS.search(message):
            words.append(message)


_collector = _Collector()


@contextmanager
def words_of_tifffile() -> Iterator[list[str]]:
    """Yields a list that receives what tifffile logs about damage."""
    logger = logging.getLogger("tifffile")
    if _collector not in logger.handlers:
        logger.addHandler(_collector)
    _collector.local.words = []
    try:
        yield _collector.local.words
    finally:
        _collector.local.words = None
