"""How work in progress is told, without knowing to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from realesr.geometry import Size

Notify = Callable[[str], None]
"""Receives a sentence that the user should know of: something was left out, or done another way."""


def ignore(notice: str) -> None:
    """A :data:`Notify` that tells nobody."""


Progress = Callable[[int, int], None]
"""Receives how much is done, and of how much: tiles, bytes."""


def no_progress(done: int, total: int) -> None:
    """A :data:`Progress` that tells nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Where the time of a job went, s; the first three overlap.

    Attributes:
        reading_s: What the source took to read and decode.
        inference_s: What the network took.
        writing_s: What the sink took to encode and write.
        waiting_s: How long the network stood still for the other two.
    """

    reading_s: float = 0.0
    inference_s: float = 0.0
    writing_s: float = 0.0
    waiting_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A job that has succeeded.

    Attributes:
        source: The input.
        destination: The output, which stands.
        source_size: Of the input, px, upright.
        size: Of the output, px.
        seconds: What an image took to be read, upscaled and written; for a video, from its turn
            until its output stood.
        frames: How many frames the output has.
        reused: How many of them equal the frame before, and were not computed again.
        decode_errors: How many frames of the input could not be decoded.
        stages: Where the time went.
    """

    source: Path
    destination: Path
    source_size: Size
    size: Size
    seconds: float
    frames: int = 1
    reused: int = 0
    decode_errors: int = 0
    stages: StageTimes = StageTimes()


class Reporter(Protocol):
    """Receives what happens: for each job started, tiles, then finished or failed.

    Jobs end in the order in which they start, but a job may end while the next one is at its tiles.
    """

    def started(self, source: Path, job: int, jobs: int) -> None:
        """Job number ``job`` (from 1) of ``jobs`` begins."""
        ...

    def tile_done(self, done: int, total: int) -> None:
        """``done`` of ``total`` tiles of the job are finished."""
        ...

    def frame_done(self, done: int, expected: int | None) -> None:
        """``done`` of about ``expected`` frames of the job are upscaled; None if nobody knows."""
        ...

    def noticed(self, source: Path, notice: str) -> None:
        """Something about the job that the user should know; it goes on."""
        ...

    def finished(self, outcome: Outcome) -> None:
        """The job's output stands."""
        ...

    def failed(self, source: Path, error: Exception) -> None:
        """The job ended without an output."""
        ...


class NullReporter(Reporter):
    """Tells nobody."""
