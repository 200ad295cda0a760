"""Reports of work in progress: events, notices and counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from realesr.geometry import Size

NoticeCode = Literal[
    "alpha-flattened",
    "captions-dropped",
    "channels-dropped",
    "chroma-reduced",
    "clips-left-out",
    "clock-repaired",
    "clock-shifted",
    "cluster-slow",
    "color-converted",
    "color-not-told",
    "color-profile-dropped",
    "colors-reduced",
    "depth-reduced",
    "disk-short",
    "download-retried",
    "edge-cropped",
    "fields-merged",
    "films-left",
    "frames-cropped",
    "frames-damaged",
    "frames-left-out",
    "frames-missing",
    "gain-map-dropped",
    "hdr-metadata-dropped",
    "hdr-not-told",
    "image-damaged",
    "input-noisy",
    "loop-dropped",
    "metadata-damaged",
    "metadata-dropped",
    "metric-left-out",
    "model-mismatch",
    "motion-dropped",
    "option-without-effect",
    "pages-dropped",
    "picture-left-out",
    "precision-raised",
    "projection-dropped",
    "resize-left-out",
    "result-differs",
    "rgb-converted",
    "size-changed",
    "size-rounded",
    "special-file-skipped",
    "stream-converted",
    "stream-dropped",
    "tags-dropped",
    "tile-halved",
    "times-rounded",
    "values-mapped",
    "view-dropped",
    "watch-failed",
    "weights-differ",
    "work-in-pieces",
    "work-kept",
    "worker-lost",
]
"""Subject of a notice, for programs. Codes are stable; messages may change."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Information for the user about something that was left out or done differently.

    Attributes:
        code: Subject of the notice.
        message: A sentence without a capital at its start, so that a file name can precede it.
    """

    code: NoticeCode
    message: str

    def __str__(self) -> str:
        return self.message


Notify = Callable[[Notice], None]
"""Receives notices."""


def no_notice(notice: Notice) -> None:
    """Ignores a notice: the default :data:`Notify`."""


Progress = Callable[[int, int], None]
"""Receives the number of finished units and of all units: tiles or bytes."""


def no_progress(done: int, total: int) -> None:
    """Ignores progress: the default :data:`Progress`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Time that the stages of a job took, s; the first three overlap.

    Attributes:
        reading_s: Time for reading and decoding.
        inference_s: Time for the network.
        writing_s: Time for encoding and writing.
        waiting_s: Time that the network waited for the other stages.
    """

    reading_s: float = 0.0
    inference_s: float = 0.0
    writing_s: float = 0.0
    waiting_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of a job that has succeeded.

    Attributes:
        source: The input file.
        destination: The output file, which is complete.
        source_size: Size of the input, px, after rotation.
        size: Size of the output, px.
        seconds: Time, s: for an image, the sum of reading, upscaling and writing; for a video, from
            the start of its job until the output was complete.
        frames: Number of frames of the output.
        duplicate_frames: Number of frames that equal the previous frame and were not computed.
        decode_errors: Number of input frames that could not be decoded.
        stages: Time of each stage.
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
    """Event: a job starts.

    Attributes:
        source: Input of the job.
        job: Number of the job, from 1.
        jobs: Number of all jobs.
    """

    source: Path
    job: int
    jobs: int


@dataclass(frozen=True, slots=True)
class TileDone:
    """Event: ``done`` of ``total`` tiles of an image are upscaled."""

    source: Path
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FrameDone:
    """Event: ``done`` of about ``expected`` frames are upscaled; None if the number is unknown.

    Attributes:
        source: Input of the job.
        done: Number of frames that are done, those of an earlier run included.
        expected: Number of all frames.
        pieces: Number of finished pieces and of all pieces; None for a video in one pass.
        kept: Number of frames that an earlier run had done.
    """

    source: Path
    done: int
    expected: int | None
    pieces: tuple[int, int] | None = None
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Warned:
    """Event: there is a notice about a job, which continues."""

    source: Path
    notice: Notice


@dataclass(frozen=True, slots=True)
class Finished:
    """Event: the output of a job is complete."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """Event: a job has ended without an output."""

    source: Path
    error: Exception


Event = Started | TileDone | FrameDone | Warned | Finished | Failed
Reporter = Callable[[Event], None]
"""Receives the events of each job: its start, tiles and frames, then its end.

Jobs end in the order in which they start, but a job may end after the next one has started. All
events can be pickled.
"""


def no_report(event: Event) -> None:
    """Ignores an event: the default :data:`Reporter`."""
