"""Videos in pieces, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

from realesr.errors import InvalidOptionError, RealesrError
from realesr.geometry import Size
from realesr.imaging.steady import PREROLL as STEADYING_PREROLL
from realesr.media.formats import Format
from realesr.options import DEFAULT_PIECES, ONE_WORKER, PieceOptions, WorkerOptions
from realesr.pipeline.executors.base import Executor, LoadUpscaler, RunReport, UnitReporter
from realesr.pipeline.executors.film_work import Film, FilmWork, Fingerprint
from realesr.pipeline.units import MediaIO, Units, WorkUnit
from realesr.pipeline.workfolder import WorkFolder
from realesr.progress import (
    Failed,
    Started,
)

ONE_PASS_S = 240.0
"""Work, s, up to which a video is made in one pass."""
PIECE_S = 150.0
"""Work in a piece, s: with what a restart costs, less than five minutes are lost."""
_PIECES_OF_WORKER = 3
"""Number of pieces that each of several workers gets at least, so that none waits for long."""
_PREROLLS_IN_PIECE = 4
"""Length of a piece, at least, in frames that are upscaled before it and do not belong to it."""
_TRIAL_S = 5.0
"""Time of a first frame, s, above which it is not timed a second time."""


class FilmIO(MediaIO, Protocol):
    """How videos are read and written, whole or in pieces."""

    def film(self, path: Path, target: Format) -> Film | None:
        """Opens a video that may be made in pieces; None for what is made in one pass."""
        ...


class Cluster(Protocol):
    """Workers on other machines."""

    def count_workers(self) -> int:
        """Returns their number."""
        ...

    def seconds_of_frame(self, unit: WorkUnit) -> float:
        """Has one of them time the network on the first frame of a video, s."""
        ...

    def preroll(self, unit: WorkUnit) -> int:
        """Returns the number of frames that the upscaler must see before a segment."""
        ...


class PieceExecutor:
    """An :class:`~realesr.pipeline.executors.base.Executor` of videos, long ones in pieces.

    Args:
        inner: Carries out the pieces, and videos in one pass.
        load_upscaler: Loads what upscales; it is timed on the first frame of a video.
        identify: Returns what results depend on besides source and encoding, such as the hash of
            the weights, by section and name. It is called for long videos alone.
        options: How long pieces are, and what becomes of earlier ones.
        workers: The processes among which pieces are shared.
        cluster: Workers on other machines that the pieces are shared among instead.
    """

    def __init__(
        self,
        inner: Executor,
        load_upscaler: LoadUpscaler,
        *,
        identify: Callable[[WorkUnit], Fingerprint],
        options: PieceOptions = DEFAULT_PIECES,
        workers: WorkerOptions = ONE_WORKER,
        cluster: Cluster | None = None,
    ) -> None:
        self._inner = inner
        self._load_upscaler = load_upscaler
        self._identify = identify
        self._options = options
        self._workers = workers
        self._cluster = cluster
        self._seconds: dict[tuple[Size, Size], float] = {}

    def run(self, units: Units, report: UnitReporter) -> RunReport:
        """Carries out all units in order. One that fails is reported, and the others go on.

        Args:
            units: Whole videos.
            report: Receives events about these units. Their pieces appear in its frames alone.

        Raises:
            Exception: What ``load_upscaler`` raises.
        """
        done = 0
        failed: list[WorkUnit] = []
        for number, unit in enumerate(units, 1):
            started = Started(unit.job.source, number, len(units))

            def renumbered(unit: WorkUnit, event: Any, started: Started = started) -> None:
                report(unit, started if isinstance(event, Started) else event)

            try:
                is_done = self._run(unit, renumbered)
            except (RealesrError, OSError) as error:
                renumbered(unit, started)
                renumbered(unit, Failed(unit.job.source, error))
                is_done = False
            if is_done:
                done += 1
            else:
                failed.append(unit)
        return RunReport(done, tuple(failed))

    def _run(self, unit: WorkUnit, report: UnitReporter) -> bool:
        folder = WorkFolder(unit.output)
        folder.drop_if_empty()
        is_begun = folder.is_begun
        if self._options.finish and not is_begun:
            raise InvalidOptionError(
                f"{folder.path} does not exist: there are no pieces that `finish` could join"
            )
        if not is_begun and not self._may_need_pieces(unit):
            return bool(self._inner.run([unit], report).done)
        film = open_film(unit)
        if film is None or not film.is_divisible:
            return bool(self._inner.run([unit], report).done)
        frames = None
        if not is_begun or self._options.restart:
            frames = self._frames_of_piece(unit, film)
            if frames is None and film.needs_all_frames:
                frames = film.frames
            if frames is None and not is_begun:
                return bool(self._inner.run([unit], report).done)
        work = FilmWork(unit, film, folder, report, self._options)
        with folder.locked():
            report(unit, Started(unit.job.source, 1, 1))
            work.begin(self._fingerprint(unit, film), frames or film.frames, self._preroll(unit))
            if self._options.finish:
                return work.finish()
            return work.run(self._inner)

    def _may_need_pieces(self, unit: WorkUnit) -> bool:
        faces = unit.options.faces
        return faces is None or faces.report is None  # a report is written in one go

    def _preroll(self, unit: WorkUnit) -> int:
        if self._options.finish:
            return 0
        steadying = STEADYING_PREROLL if unit.options.stabilize else 0
        if self._cluster is not None:  # this machine may lack the device
            return max(self._cluster.preroll(unit), steadying)
        return max(self._load_upscaler(unit.options).preroll, steadying)

    def _frames_of_piece(self, unit: WorkUnit, film: Film) -> int | None:
        """Returns how many frames a piece has; None for one pass."""
        if self._options.piece_frames is not None:
            return self._options.piece_frames if self._options.piece_frames < film.frames else None
        # Those that share a device share its speed.
        seconds = self._seconds_of_frame(unit, film) * self._workers.each
        count = self._workers.count if self._cluster is None else self._cluster.count_workers()
        if seconds * film.frames <= ONE_PASS_S / count:
            return None
        frames = PIECE_S / seconds
        if count > 1:
            frames = min(frames, film.frames / (_PIECES_OF_WORKER * count))
        return max(1, round(frames), _PREROLLS_IN_PIECE * self._preroll(unit))

    def _seconds_of_frame(self, unit: WorkUnit, film: Film) -> float:
        if self._cluster is not None:  # this machine may be far slower than they are
            return self._cluster.seconds_of_frame(unit)
        return time_frame(unit, film, self._load_upscaler, known=self._seconds)

    def _fingerprint(self, unit: WorkUnit, film: Film) -> Fingerprint:
        found = {
            "source": film.identity(),
            "video": film.settings(),
            **self._identify(unit),
        }
        same: Fingerprint = json.loads(json.dumps(found, default=str))
        return same


def open_film(unit: WorkUnit) -> Film | None:
    """Opens the video of a unit; None for what is made in one pass.

    Raises:
        MediaError: The file cannot be read.
    """
    return cast(FilmIO, unit.media).film(unit.job.source, unit.job.target)


def time_frame(
    unit: WorkUnit,
    film: Film,
    load_upscaler: LoadUpscaler,
    *,
    known: dict[tuple[Size, Size], float] | None = None,
) -> float:
    """Times the network on the first frame of a video, s.

    Args:
        unit: The whole video.
        film: The same, opened.
        load_upscaler: Loads the network.
        known: Earlier times, by the sizes of frame and result, which are added to.
    """
    known = {} if known is None else known
    image = film.first_image()
    upscaler = load_upscaler(unit.options)
    size = unit.options.target.size_of(image.size, upscaler.scale)
    seconds = known.get((image.size, size))
    if seconds is None:
        seconds = _timed(upscaler.upscale_to, [image], size)
        if seconds < _TRIAL_S:  # the first one may have warmed up
            seconds = _timed(upscaler.upscale_to, [image], size)
        known[image.size, size] = seconds
    return seconds


def _timed(function: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started
