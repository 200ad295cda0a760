"""Progress on standard error: bars on a terminal, plain lines for what went wrong anywhere."""

from __future__ import annotations

import json
import logging
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from tqdm import tqdm

from realesr.errors import RealesrError
from realesr.progress import Outcome, Reporter

logger = logging.getLogger(__name__)


class TqdmReporter:
    """A bar for the files, a bar for the tiles of the current one, and a line for each file.

    Args:
        is_quiet: Whether only errors are told.
    """

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._files: tqdm[NoReturn] | None = None
        self._tiles: tqdm[NoReturn] | None = None

    def started(self, source: Path, job: int, jobs: int) -> None:
        if self._is_quiet:
            return
        if self._files is None:
            self._files = _bar(jobs, "file")
        self._close_tiles()
        self._tiles = _bar(None, "tile", source.name)

    def tile_done(self, done: int, total: int) -> None:
        if self._tiles is not None:
            self._tiles.total = total
            self._tiles.update(done - self._tiles.n)

    def frame_done(self, done: int, expected: int | None) -> None:
        pass

    def noticed(self, source: Path, notice: str) -> None:
        if not self._is_quiet:
            tqdm.write(f"note: {source}: {notice}", file=sys.stderr)

    def finished(self, outcome: Outcome) -> None:
        line = f"{outcome.source} -> {outcome.destination} ({outcome.seconds:.1f} s)"
        self._end_of_job(None if self._is_quiet else line)

    def failed(self, source: Path, error: Exception) -> None:
        logger.debug("%s", source, exc_info=error)
        self._end_of_job(f"error: {message_of(source, error)}")

    def close(self) -> None:
        """Clears the bars; what comes next gets new ones."""
        self._close_tiles()
        if self._files is not None:
            self._files.close()
            self._files = None

    def _end_of_job(self, line: str | None) -> None:
        if line is not None:
            tqdm.write(line, file=sys.stderr)
        if self._files is not None:
            self._files.update()

    def _close_tiles(self) -> None:
        if self._tiles is not None:
            self._tiles.close()
            self._tiles = None


class JsonReporter:
    """A line of JSON on standard output for each file, beside what another reporter tells.

    Its keys: ``input``, ``output`` (null if it failed), ``input_size`` and ``output_size`` (width
    and height, px), ``seconds``, ``model``, ``device``, ``precision``, ``notices``, ``error`` (null
    if it succeeded).

    Args:
        other: Tells people.
        constants: What is the same for every file: model, device, precision.
        stream: Where lines go; standard error where standard output carries a picture.
    """

    def __init__(
        self, other: Reporter, constants: Mapping[str, str | None], stream: TextIO
    ) -> None:
        self._stream = stream
        self._other = other
        self._constants = constants
        self._notices: dict[Path, list[str]] = defaultdict(list)

    def started(self, source: Path, job: int, jobs: int) -> None:
        self._other.started(source, job, jobs)

    def tile_done(self, done: int, total: int) -> None:
        self._other.tile_done(done, total)

    def frame_done(self, done: int, expected: int | None) -> None:
        self._other.frame_done(done, expected)

    def noticed(self, source: Path, notice: str) -> None:
        self._notices[source].append(notice)
        self._other.noticed(source, notice)

    def finished(self, outcome: Outcome) -> None:
        self._other.finished(outcome)
        sizes = outcome.source_size, outcome.size
        self._print(
            outcome.source,
            output=str(outcome.destination),
            input_size=[sizes[0].width, sizes[0].height],
            output_size=[sizes[1].width, sizes[1].height],
            seconds=round(outcome.seconds, 3),
            error=None,
        )

    def failed(self, source: Path, error: Exception) -> None:
        self._other.failed(source, error)
        self._print(source, output=None, error=message_of(source, error))

    def _print(self, source: Path, **entries: object) -> None:
        absent = dict.fromkeys(("input_size", "output_size", "seconds"))
        notices = self._notices.pop(source, [])
        line = {"input": str(source), **absent, **entries, **self._constants, "notices": notices}
        print(json.dumps(line, ensure_ascii=False), file=self._stream, flush=True)


def message_of(source: Path, error: Exception) -> str:
    """What an error says, with the name of the file."""
    message = str(error)
    if not isinstance(error, RealesrError):
        return f"{source}: {type(error).__name__}: {message} (-vv tells where)"
    return message if str(source) in message else f"{source}: {message}"


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
