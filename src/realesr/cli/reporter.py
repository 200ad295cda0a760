"""Progress on standard error: bars on a terminal, plain lines for what went wrong anywhere."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, TextIO

from tqdm import tqdm

from realesr.errors import RealesrError
from realesr.progress import Outcome, Reporter

logger = logging.getLogger(__name__)

PROGRESS_S = 1.0
"""How often progress is told as JSON, s."""


class TqdmReporter:
    """A bar for the files, a bar for the tiles of the current one, and a line for each file.

    Args:
        is_quiet: Whether only errors are told.
    """

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._files: tqdm[NoReturn] | None = None
        self._tiles: tqdm[NoReturn] | None = None
        self._frames: tqdm[NoReturn] | None = None
        self._name = ""

    def started(self, source: Path, job: int, jobs: int) -> None:
        if self._is_quiet:
            return
        if self._files is None:
            self._files = _bar(jobs, "file")
        self._close_bars_of_job()
        self._name = source.name
        self._tiles = _bar(None, "tile", self._name)

    def tile_done(self, done: int, total: int) -> None:
        if self._tiles is not None:
            self._tiles.total = total
            self._tiles.update(done - self._tiles.n)

    def frame_done(self, done: int, expected: int | None) -> None:
        if self._is_quiet or expected == 1:
            return
        if self._frames is None:  # the first frame had a bar of its tiles
            self._close_bars_of_job()
            self._frames = _bar(expected, "frame", self._name)
        self._frames.update(done - self._frames.n)

    def noticed(self, source: Path, notice: str) -> None:
        if not self._is_quiet:
            tqdm.write(f"note: {source}: {notice}", file=sys.stderr)

    def finished(self, outcome: Outcome) -> None:
        line = f"{outcome.source} -> {outcome.destination} ({outcome.seconds:.1f} s)"
        if outcome.frames > 1:
            line += f"\n  {_summary(outcome)}"
        self._end_of_job(None if self._is_quiet else line)

    def failed(self, source: Path, error: Exception) -> None:
        logger.debug("%s", source, exc_info=error)
        self._end_of_job(f"error: {message_of(source, error)}")

    def close(self) -> None:
        """Clears the bars; what comes next gets new ones."""
        self._close_bars_of_job()
        if self._files is not None:
            self._files.close()
            self._files = None

    def _end_of_job(self, line: str | None) -> None:
        if line is not None:
            tqdm.write(line, file=sys.stderr)
        if self._files is not None:
            self._files.update()

    def _close_bars_of_job(self) -> None:
        for bar in (self._tiles, self._frames):
            if bar is not None:
                bar.close()
        self._tiles = self._frames = None


class JsonReporter:
    """A line of JSON on standard output for each file, beside what another reporter tells.

    Its keys: ``input``, ``output`` (null if it failed), ``input_size`` and ``output_size`` (width
    and height, px), ``seconds``, ``model``, ``device``, ``precision``, ``notices``, ``error`` (null
    if it succeeded). For videos also ``frames``, ``reused``, ``decode_errors``, ``fps`` and
    ``stages``, and meanwhile, at most once a second, lines whose ``event`` is ``progress`` and not
    ``end``, with ``frames``, ``expected`` (or null), ``fps`` and ``eta_s`` (or null).

    Args:
        other: Tells people.
        constants: Gives what is the same for every file: model, device, precision.
        stream: Where lines go; standard error where standard output carries an image.
        has_frames: Whether the files are videos.
    """

    def __init__(
        self,
        other: Reporter,
        constants: Callable[[], Mapping[str, str | None]],
        stream: TextIO,
        *,
        has_frames: bool = False,
    ) -> None:
        self._stream = stream
        self._other = other
        self._constants = constants
        self._notices: dict[Path, list[str]] = defaultdict(list)
        self._has_frames = has_frames
        self._source = Path()
        self._started_at = self._told_at = 0.0

    def started(self, source: Path, job: int, jobs: int) -> None:
        self._source = source
        self._started_at = self._told_at = time.monotonic()
        self._other.started(source, job, jobs)

    def tile_done(self, done: int, total: int) -> None:
        self._other.tile_done(done, total)

    def frame_done(self, done: int, expected: int | None) -> None:
        self._other.frame_done(done, expected)
        now = time.monotonic()
        if not self._has_frames or now - self._told_at < PROGRESS_S:
            return
        self._told_at = now
        fps = done / (now - self._started_at)
        line = {
            "event": "progress",
            "input": str(self._source),
            "frames": done,
            "expected": expected,
            "fps": round(fps, 3),
            "eta_s": None if expected is None else round(max(0, expected - done) / fps, 1),
        }
        self._write(line)

    def noticed(self, source: Path, notice: str) -> None:
        self._notices[source].append(notice)
        self._other.noticed(source, notice)

    def finished(self, outcome: Outcome) -> None:
        self._other.finished(outcome)
        sizes = outcome.source_size, outcome.size
        frames = _frames_as_json(outcome) if self._has_frames else {}
        self._print(
            outcome.source,
            output=str(outcome.destination),
            input_size=[sizes[0].width, sizes[0].height],
            output_size=[sizes[1].width, sizes[1].height],
            seconds=round(outcome.seconds, 3),
            **frames,
            error=None,
        )

    def failed(self, source: Path, error: Exception) -> None:
        self._other.failed(source, error)
        self._print(source, output=None, error=message_of(source, error))

    def _print(self, source: Path, **entries: object) -> None:
        absent = dict.fromkeys(("input_size", "output_size", "seconds"))
        notices = self._notices.pop(source, [])
        line = {"input": str(source), **absent, **entries, **self._constants(), "notices": notices}
        self._write({"event": "end", **line} if self._has_frames else line)

    def _write(self, line: Mapping[str, object]) -> None:
        print(json.dumps(line, ensure_ascii=False), file=self._stream, flush=True)


def _summary(outcome: Outcome) -> str:
    """What a video came to, in one line."""
    stages = outcome.stages
    equal = f" ({outcome.reused} like the frame before)" if outcome.reused else ""
    return (
        f"{outcome.frames} frames{equal}, {outcome.frames / outcome.seconds:.2f} a second, "
        f"{outcome.source_size} -> {outcome.size}; decoding {stages.reading_s:.1f} s, network "
        f"{stages.inference_s:.1f} s, encoding {stages.writing_s:.1f} s; the network waited "
        f"{stages.waiting_s:.1f} s"
    )


def _frames_as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "frames": outcome.frames,
        "reused": outcome.reused,
        "decode_errors": outcome.decode_errors,
        "fps": round(outcome.frames / outcome.seconds, 3),
        "stages": {name: round(value, 3) for name, value in asdict(outcome.stages).items()},
    }


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
