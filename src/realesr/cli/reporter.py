"""Reporters: show events as progress bars and lines on standard error, or as JSON."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, TextIO

from tqdm import tqdm

from realesr.cli.printing import answer_json, printable, tell
from realesr.cli.wording import with_flags
from realesr.errors import RealesrError
from realesr.progress import (
    Event,
    Failed,
    Finished,
    FrameDone,
    Notice,
    Outcome,
    Reporter,
    Started,
    TileDone,
    Warned,
)
from realesr.reasons import reason_of

logger = logging.getLogger(__name__)

PROGRESS_S = 1.0
"""Shortest time between two JSON lines of progress, s."""


class TqdmReporter:
    """Shows progress bars of files and of tiles or frames, and prints a line for each file.

    Args:
        is_quiet: Whether only errors are reported.
        is_verbose: Whether each file also gets a line with sizes, tiles and times.
    """

    def __init__(self, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._tile_counts: dict[Path, int] = {}
        self._files: tqdm[NoReturn] | None = None
        self._tiles: tqdm[NoReturn] | None = None
        self._frames: tqdm[NoReturn] | None = None

    def __call__(self, event: Event) -> None:
        """Shows an event; a terminal that has gone fails no job."""
        try:
            self._show(event)
        except (OSError, ValueError):
            self._is_quiet = True
            self._files = self._tiles = self._frames = None

    def _show(self, event: Event) -> None:
        match event:
            case Started():
                self._start(event)
            case TileDone(source, done, total):
                if not self._is_quiet:  # else nobody takes it out
                    self._tile_counts[source] = total
                if self._tiles is not None:
                    self._tiles.total = total
                    self._tiles.update(done - self._tiles.n)
            case FrameDone():
                self._show_frames(event)
            case Warned(source, notice) if not self._is_quiet:
                _tell(f"note: {source}: {with_flags(notice)}")
            case Finished(outcome):
                self._end_of_job(*(() if self._is_quiet else self._lines(outcome)))
            case Failed(source, error):
                logger.debug("%s", source, exc_info=error)
                self._tile_counts.pop(source, None)
                self._end_of_job(f"error: {message_of(source, error)}")

    def close(self) -> None:
        """Clears the bars; a later event creates new ones."""
        self._close_bars_of_job()
        if self._files is not None:
            self._files.close()
            self._files = None

    def _start(self, event: Started) -> None:
        if self._is_quiet:
            return
        if self._files is None:
            self._files = _bar(event.jobs, "file")
        self._close_bars_of_job()
        self._tiles = _bar(None, "tile", event.source.name)

    def _show_frames(self, event: FrameDone) -> None:
        if self._is_quiet or event.expected == 1:
            return
        if self._frames is None:  # the first frame had a bar of its tiles
            self._close_bars_of_job()
            self._frames = _bar(event.expected, "frame", event.source.name, initial=event.kept)
        if event.pieces is not None:
            self._frames.set_postfix_str("pieces {}/{}".format(*event.pieces), refresh=False)
        self._frames.update(event.done - self._frames.n)

    def _end_of_job(self, *lines: str) -> None:
        for line in lines:
            _tell(line)
        if self._files is not None:
            self._files.update()

    def _lines(self, outcome: Outcome) -> tuple[str, ...]:
        """Returns the line of a finished file; a second line has sizes and times.

        Images get the second line only in verbose mode.
        """
        count = self._tile_counts.pop(outcome.source, 1)
        line = f"{outcome.source} -> {outcome.destination} ({outcome.seconds:.1f} s)"
        if outcome.frames > 1:
            return line, f"  {_summary(outcome)}"
        if not self._is_verbose:
            return (line,)
        stages = outcome.stages
        tiles = f", {count} tiles" if count > 1 else ""
        return (
            line,
            f"  {outcome.source_size} -> {outcome.size}{tiles}; reading {stages.reading_s:.2f} s, "
            f"network {stages.inference_s:.2f} s, writing {stages.writing_s:.2f} s",
        )

    def _close_bars_of_job(self) -> None:
        for bar in (self._tiles, self._frames):
            if bar is not None:
                bar.close()
        self._tiles = self._frames = None


class JsonReporter:
    """Writes a line of JSON for each file.

    The keys are ``input``, ``output`` (null after a failure), ``input_size`` and ``output_size``
    (width and height, px), ``seconds``, ``model``, ``device``, ``precision``, ``notices`` (a list
    of objects with ``code`` and ``message``), and ``error`` (null after a success). Videos add
    ``event`` (``end``), ``frames``, ``duplicate_frames``, ``decode_errors``, ``fps`` and
    ``stages``. During a video, at most once a second, there are lines whose ``event`` is
    ``progress``, with ``frames``, ``expected`` (or null), ``fps`` and ``eta_s`` (or null).

    Args:
        constants: Returns the values that are equal for all files: model, device, precision.
        stream: Receives the lines; standard error if standard output carries an image.
        has_frames: Whether the files are videos.
    """

    def __init__(
        self,
        constants: Callable[[], Mapping[str, str | None]],
        stream: TextIO | None,
        *,
        has_frames: bool = False,
    ) -> None:
        self._stream = stream
        self._constants = constants
        self._notices: dict[Path, list[Notice]] = defaultdict(list)
        self._has_frames = has_frames
        self._started_at = self._reported_at = 0.0

    def __call__(self, event: Event) -> None:
        """Collects notices, and writes a line at the end of a job or about its progress."""
        match event:
            case Started():
                self._started_at = self._reported_at = time.monotonic()
            case FrameDone() if self._has_frames:
                self._report_progress(event)
            case Warned(source, notice):
                self._notices[source].append(notice)
            case Finished(outcome):
                self._end(outcome.source, **_as_json(outcome, has_frames=self._has_frames))
            case Failed(source, error):
                self._end(source, output=None, error=message_of(source, error))

    def _report_progress(self, event: FrameDone) -> None:
        now = time.monotonic()
        if now - self._reported_at < PROGRESS_S:
            return
        self._reported_at = now
        fps = (event.done - event.kept) / (now - self._started_at)
        expected = event.expected
        left = 0 if expected is None else max(0, expected - event.done)
        line: dict[str, object] = {
            "event": "progress",
            "input": str(event.source),
            "frames": event.done,
            "expected": expected,
            "fps": round(fps, 3),
            "eta_s": None if expected is None or not fps else round(left / fps, 1),
        }
        if event.pieces is not None:
            line["pieces"], line["pieces_done"] = event.pieces[1], event.pieces[0]
        self._write(line)

    def _end(self, source: Path, **entries: object) -> None:
        absent = dict.fromkeys(("input_size", "output_size", "seconds"))
        notices = [
            {"code": notice.code, "message": with_flags(notice)}
            for notice in self._notices.pop(source, [])
        ]
        line = {"input": str(source), **absent, **entries, **self._constants(), "notices": notices}
        self._write({"event": "end", **line} if self._has_frames else line)

    def _write(self, line: Mapping[str, object]) -> None:
        answer_json(line, self._stream)


def report_to(*reporters: Reporter) -> Reporter:
    """Combines reporters: each event is passed to all of them in order."""

    def report(event: Event) -> None:
        for reporter in reporters:
            reporter(event)

    return report


def _summary(outcome: Outcome) -> str:
    """Returns a summary of a video in one line."""
    stages = outcome.stages
    duplicates = outcome.duplicate_frames
    equal = f" ({duplicates} like the frame before)" if duplicates else ""
    return (
        f"{outcome.frames} frames{equal}, {outcome.frames / outcome.seconds:.2f} a second, "
        f"{outcome.source_size} -> {outcome.size}; decoding {stages.reading_s:.1f} s, network "
        f"{stages.inference_s:.1f} s, encoding {stages.writing_s:.1f} s; the network waited "
        f"{stages.waiting_s:.1f} s"
    )


def _as_json(outcome: Outcome, *, has_frames: bool) -> dict[str, object]:
    sizes = outcome.source_size, outcome.size
    entries: dict[str, object] = {
        "output": str(outcome.destination),
        "input_size": [sizes[0].width, sizes[0].height],
        "output_size": [sizes[1].width, sizes[1].height],
        "seconds": round(outcome.seconds, 3),
    }
    if has_frames:
        entries |= {
            "frames": outcome.frames,
            "duplicate_frames": outcome.duplicate_frames,
            "decode_errors": outcome.decode_errors,
            "fps": round(outcome.frames / outcome.seconds, 3),
            "stages": {name: round(value, 3) for name, value in asdict(outcome.stages).items()},
        }
    return {**entries, "error": None}


def message_of(source: Path, error: Exception) -> str:
    """Returns the message of an error, with the name of the file."""
    message = with_flags(error)
    is_foreseen = isinstance(error, RealesrError)
    if isinstance(error, OSError) and error.errno is not None and not is_foreseen:
        file = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{source}: {file}{with_flags(reason_of(error))}"
    if not is_foreseen:
        return f"{source}: {type(error).__name__}: {message} (-vv tells where)"
    return message if str(source) in message else f"{source}: {message}"


@contextmanager
def download_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a bar for a download; yields a function of the downloaded and of all bytes."""
    with ExitStack() as stack:
        bars: list[tqdm[NoReturn]] = []

        def advance(done: int, total: int) -> None:
            if not bars:  # no bar if there is no download
                bars.append(stack.enter_context(closing(_bar(total, "B", name, unit_scale=True))))
            bars[0].update(done - bars[0].n)

        yield advance


def _tell(line: str) -> None:
    """Prints a line on standard error, beside the bars."""
    tell(line, write=lambda text: tqdm.write(text, file=sys.stderr))


def _bar(
    total: int | None, unit: str, name: str = "", *, unit_scale: bool = False, initial: int = 0
) -> tqdm[NoReturn]:
    """Makes a bar on standard error, which is removed at its end and appears only in terminals."""
    bar: tqdm[NoReturn] = tqdm(
        total=total,
        unit=unit,
        unit_scale=unit_scale,
        initial=initial,
        desc=printable(name),
        leave=False,
        disable=None if sys.stderr is not None else True,
        dynamic_ncols=True,
    )
    return bar
