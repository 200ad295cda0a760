"""Progress on standard error: bars on a terminal, plain lines for what went wrong anywhere."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from realesr.errors import RealesrError

logger = logging.getLogger(__name__)


class TqdmReporter:
    """A bar for the files, a bar for the tiles of the current one, and a line for each file."""

    def __init__(self) -> None:
        self._files: tqdm[NoReturn] | None = None
        self._tiles: tqdm[NoReturn] | None = None

    def started(self, source: Path, job: int, jobs: int) -> None:
        if self._files is None:
            self._files = _bar(jobs, "file")
        self._tiles = _bar(None, "tile", source.name)

    def tile_done(self, done: int, total: int) -> None:
        if self._tiles is not None:
            self._tiles.total = total
            self._tiles.update(done - self._tiles.n)

    def noticed(self, source: Path, notice: str) -> None:
        tqdm.write(f"note: {source}: {notice}", file=sys.stderr)

    def finished(self, source: Path, destination: Path, seconds: float) -> None:
        self._end_of_job(f"{source} -> {destination} ({seconds:.1f} s)")

    def failed(self, source: Path, error: Exception) -> None:
        logger.debug("%s", source, exc_info=error)
        message = str(error)
        if not isinstance(error, RealesrError):
            message = f"{source}: {type(error).__name__}: {message} (-vv tells where)"
        elif str(source) not in message:
            message = f"{source}: {message}"
        self._end_of_job(f"error: {message}")

    def close(self) -> None:
        """Clears the bars."""
        for bar in (self._tiles, self._files):
            if bar is not None:
                bar.close()

    def _end_of_job(self, line: str) -> None:
        if self._tiles is not None:
            self._tiles.close()
            self._tiles = None
        tqdm.write(line, file=sys.stderr)
        if self._files is not None:
            self._files.update()


@contextmanager
def download_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a download; yields what is to be told of bytes done and of all bytes."""
    with ExitStack() as stack:
        bars: list[tqdm[NoReturn]] = []

        def advance(done: int, total: int) -> None:
            if not bars:  # nothing shows where nothing has to be downloaded
                bars.append(stack.enter_context(closing(_bar(total, "B", name, unit_scale=True))))
            bars[0].update(done - bars[0].n)

        yield advance


def _bar(
    total: int | None, unit: str, name: str = "", *, unit_scale: bool = False
) -> tqdm[NoReturn]:
    """A bar on standard error that leaves no trace; ``disable=None`` is quiet off a terminal."""
    bar: tqdm[NoReturn] = tqdm(
        total=total,
        unit=unit,
        unit_scale=unit_scale,
        desc=name,
        leave=False,
        disable=None,
        dynamic_ncols=True,
    )
    return bar
