"""What is reported of work in progress: events, notices, counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from realesr.geometry import Size

NoticeCode = Literal[
    "alpha-flattened",
    "chroma-reduced",
    "color-profile-dropped",
    "depth-reduced",
    "download-retried",
    "fields-merged",
    "frames-damaged",
    "hdr-metadata-dropped",
    "metadata-damaged",
    "metadata-dropped",
    "model-mismatch",
    "option-without-effect",
    "pages-dropped",
    "precision-raised",
    "stream-converted",
    "stream-dropped",
    "tags-dropped",
    "tile-halved",
    "watch-failed",
    "weights-differ",
]
"""What a notice is about, for programs. Codes stay; the sentences beside them may be improved."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know of: it was left out, or done another way.

    Attributes:
        code: What it is about.
        message: A sentence, which may begin in its middle: the name of the file stands before it.
    """

    code: NoticeCode
    message: str

    def __str__(self) -> str:
        return self.message


Notify = Callable[[Notice], None]
"""Receives notices."""


def ignore(notice: Notice) -> None:
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
        duplicate_frames: How many of them equal the frame before, and were not computed again.
        decode_errors: How many frames of the input could not be decoded.
        stages: Where the time went.
    """

    source: Path
    destination: Path
    source_size: Size
    size: Size
    seconds: float
    frames: int = 1
    duplicate_frames: int = 0
    decode_errors: int = 0
    stages: StageTimes = StageTimes()


@dataclass(frozen=True, slots=True)
class Started:
    """A job begins.

    Attributes:
        source: Its input.
        job: Its number, from 1.
        jobs: The number of jobs.
    """

    source: Path
    job: int
    jobs: int


@dataclass(frozen=True, slots=True)
class TileDone:
    """``done`` of ``total`` tiles of an image are upscaled."""

    source: Path
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FrameDone:
    """``done`` of about ``expected`` frames are upscaled; None if the number is unknown."""

    source: Path
    done: int
    expected: int | None


@dataclass(frozen=True, slots=True)
class Warned:
    """There is a notice about a job, which goes on."""

    source: Path
    notice: Notice


@dataclass(frozen=True, slots=True)
class Finished:
    """The output of a job stands."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """A job has ended without an output."""

    source: Path
    error: Exception


Event = Started | TileDone | FrameDone | Warned | Finished | Failed
Reporter = Callable[[Event], None]
"""Receives what happens: for each job its start, tiles and frames, then its end.

Jobs end in the order in which they start, but a job may end while the next one is at its tiles.
All events can be pickled.
"""


def no_report(event: Event) -> None:
    """A :data:`Reporter` that tells nobody."""
