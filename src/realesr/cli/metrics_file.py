"""A file of figures about a run for node_exporter's textfile collector (Prometheus)."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from realesr.errors import UnwritableMediaError
from realesr.partial import write_whole
from realesr.progress import Event, Failed, Finished, FrameDone, Started, Warned
from realesr.reasons import reason_of

INTERVAL_S = 1.0
"""Shortest time between two versions of the file, s."""
_HELP = {
    "realesr_jobs": ("gauge", "Files of the run."),
    "realesr_jobs_done_total": ("counter", "Files whose output is complete."),
    "realesr_jobs_failed_total": ("counter", "Files without an output."),
    "realesr_notices_total": ("counter", "Notices about files."),
    "realesr_frames_done": ("gauge", "Frames of the current video that are upscaled."),
    "realesr_frames_expected": ("gauge", "Frames of the current video."),
    "realesr_pieces_done": ("gauge", "Finished pieces of the current video."),
    "realesr_pieces": ("gauge", "Pieces of the current video."),
    "realesr_frames_per_second": ("gauge", "Speed of the current video."),
    "realesr_eta_seconds": ("gauge", "Time until the current video is complete."),
    "realesr_output_frames_total": ("counter", "Frames, and images, of complete outputs."),
    "realesr_output_pixels_total": ("counter", "Pixels of complete outputs."),
    "realesr_updated_timestamp_seconds": ("gauge", "When this file was written."),
}
"""Type and description of each figure."""


class MetricsReporter:
    """Keeps a file of figures up to date; it is replaced at once, so that no reader sees a half.

    Later, a version that cannot be written is left out: the run matters more.

    Args:
        path: The file, which ends with ``.prom`` by custom.

    Raises:
        UnwritableMediaError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, float] = dict.fromkeys(_HELP, 0.0)
        self._started_at = 0.0
        self._written_at = -INTERVAL_S
        try:
            self._write()
        except OSError as error:
            raise UnwritableMediaError(f"--metrics-file {path}: {reason_of(error)}") from error

    def __call__(self, event: Event) -> None:
        """Counts an event."""
        values = self._values
        match event:
            case Started():
                values["realesr_jobs"] = event.jobs
                self._started_at = time.monotonic()
                self._reset_frames()
            case FrameDone():
                self._count_frames(event)
                if time.monotonic() - self._written_at < INTERVAL_S:
                    return
            case Warned():
                values["realesr_notices_total"] += 1
            case Finished(outcome):
                values["realesr_jobs_done_total"] += 1
                values["realesr_output_frames_total"] += outcome.frames
                values["realesr_output_pixels_total"] += outcome.frames * outcome.size.area
            case Failed():
                values["realesr_jobs_failed_total"] += 1
            case _:
                return
        with suppress(OSError):
            self._write()

    def _reset_frames(self) -> None:
        for name in _HELP:
            if name.startswith(("realesr_frames", "realesr_pieces", "realesr_eta")):
                self._values[name] = 0.0

    def _count_frames(self, event: FrameDone) -> None:
        values, seconds = self._values, time.monotonic() - self._started_at
        speed = (event.done - event.kept) / seconds if seconds > 0 else 0.0
        left = max(0, (event.expected or event.done) - event.done)
        values["realesr_frames_done"] = event.done
        values["realesr_frames_expected"] = event.expected or 0
        values["realesr_pieces_done"], values["realesr_pieces"] = event.pieces or (0, 0)
        values["realesr_frames_per_second"] = round(speed, 4)
        values["realesr_eta_seconds"] = round(left / speed, 1) if speed else 0.0

    def _write(self) -> None:
        self._written_at = time.monotonic()
        self._values["realesr_updated_timestamp_seconds"] = round(time.time(), 3)
        lines = []
        for name, (kind, text) in _HELP.items():
            value = f"{self._values[name]:.15g}"
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
        write_whole(self._path, ("\n".join(lines) + "\n").encode())
