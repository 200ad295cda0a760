"""The work on one video in pieces: begun, continued, joined."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn, Protocol

from realesr.errors import InvalidOptionError, RealesrError, UnreadableMediaError
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.media.frames import PieceContent, Segment
from realesr.options import PieceOptions
from realesr.pipeline.executors.base import Executor, UnitReporter
from realesr.pipeline.units import WorkUnit
from realesr.pipeline.workfolder import Manifest, PieceRecord, WorkFolder, check_same
from realesr.progress import (
    Failed,
    Finished,
    FrameDone,
    Notice,
    Notify,
    Outcome,
    StageTimes,
    Started,
    Warned,
)

Fingerprint = Mapping[str, Mapping[str, Any]]
"""Everything that the pixels of a video depend on, by section and name."""


class Film(Protocol):
    """A video that can be made in pieces."""

    @property
    def frames(self) -> int:
        """Number of frames that are read."""
        ...

    @property
    def piece_suffix(self) -> str:
        """The suffix of pieces."""
        ...

    @property
    def is_divisible(self) -> bool:
        """Whether it can be read in parts."""
        ...

    @property
    def is_encoded_twice(self) -> bool:
        """Whether pieces are without loss, and encoded together at the end."""
        ...

    @property
    def needs_all_frames(self) -> bool:
        """Whether it cannot be made in one pass, however short it is."""
        ...

    def first_image(self) -> Image:
        """Decodes the first frame."""
        ...

    def segments(self, frames: int, preroll: int) -> tuple[Segment, ...]:
        """Cuts the video into segments of about so many frames."""
        ...

    def identity(self) -> dict[str, Any]:
        """Returns what tells the source from others."""
        ...

    def settings(self) -> dict[str, Any]:
        """Returns everything that the encoding depends on."""
        ...

    def check_piece(self, path: Path) -> PieceContent:
        """Reads what a piece holds."""
        ...

    def join(
        self,
        pieces: Sequence[Path],
        destination: Path,
        *,
        frames: int,
        end: Fraction | None,
        notify: Notify,
    ) -> None:
        """Makes the output of finished pieces."""
        ...


class _Failure(BaseException):
    """Ends a run of pieces at the first failure; no executor takes it for that of another unit."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class FilmWork:
    """The work on one video in pieces.

    Args:
        unit: The whole video.
        film: The video.
        folder: The folder of its pieces, which this process has locked.
        report: Receives events about the unit.
        options: What becomes of earlier pieces and of these.
    """

    def __init__(
        self,
        unit: WorkUnit,
        film: Film,
        folder: WorkFolder,
        report: UnitReporter,
        options: PieceOptions,
    ) -> None:
        self._unit = unit
        self._film = film
        self._folder = folder
        self._report = report
        self._options = options
        self._manifest = Manifest(fingerprint={}, segments=())
        self._notices: set[Notice] = set()
        self._frames: dict[int, int] = {}
        self._kept = 0
        self._stages = StageTimes()
        self._started = time.perf_counter()
        self._is_short_of_disk = False

    def begin(self, fingerprint: Fingerprint, frames: int, preroll: int) -> None:
        """Goes on with an earlier run, or cuts the video.

        Raises:
            InvalidOptionError: The pieces that are there belong to another run.
        """
        if self._options.restart:
            self._folder.discard()
        found = self._folder.load()
        if found is None:
            segments = self._film.segments(frames, preroll)
            self._manifest = Manifest(fingerprint=fingerprint, segments=segments)
            self._folder.save(self._manifest)
            self._notify(
                Notice(
                    "work-in-pieces",
                    f"is made in {len(segments)} pieces, which stay in {self._folder.path} until "
                    "they are joined: they need as much room as the output, and joining as much "
                    "again",
                )
            )
            return
        check_same(found, fingerprint, self._folder)
        self._manifest = found
        self._folder.tidy(found, self._film.piece_suffix)
        self._adopt()
        self._kept = self._manifest.done
        self._tell_other_length(preroll)
        self._notify(
            Notice(
                "work-in-pieces",
                f"goes on: {len(self._manifest.pieces)} of {len(found.segments)} pieces are there",
            )
        )

    def _tell_other_length(self, preroll: int) -> None:
        """Tells if the pieces that are there have another length than is asked for."""
        wanted = None if self._options.finish else self._options.piece_frames
        if wanted and self._film.segments(wanted, preroll) != self._manifest.segments:
            self._notify(
                Notice(
                    "option-without-effect",
                    "`piece_frames` does nothing: the pieces keep the length that was begun with; "
                    "`restart` begins anew",
                )
            )

    def run(self, inner: Executor) -> bool:
        """Makes the missing pieces and joins all; returns whether the output stands."""
        units = [self._piece_unit(segment) for segment in self._manifest.missing]
        try:
            if units:
                inner.run(units, self._on_event)
            self._join(self._manifest.segments, end=None)
        except _Failure as failure:
            self._end_early()
            self._report(self._unit, Failed(self._unit.job.source, failure.error))
            return False
        except (RealesrError, OSError) as error:
            self._end_early()
            self._report(self._unit, Failed(self._unit.job.source, error))
            return False
        except BaseException:  # Ctrl-C
            self._end_early()
            raise
        return True

    def finish(self) -> bool:
        """Joins the pieces from the first one to the first that is missing."""
        missing = self._manifest.missing
        first = missing[0].index if missing else len(self._manifest.segments)
        if not first:
            raise InvalidOptionError(
                f"{self._folder.path} lacks the first piece: `finish` needs it"
            )
        self._join(self._manifest.segments[:first], end=missing[0].start if missing else None)
        return True

    def _piece_unit(self, segment: Segment) -> WorkUnit:
        return replace(self._unit, output=self._piece(segment), segment=segment)

    def _piece(self, segment: Segment) -> Path:
        return self._folder.piece(segment.index, self._film.piece_suffix)

    def _adopt(self) -> None:
        """Checks the pieces that are there; what is not whole is made again."""
        pieces = {}
        for segment in self._manifest.segments:
            path = self._piece(segment)
            known = self._manifest.pieces.get(segment.index)
            if not path.exists():
                continue
            content = self._content(path)
            if content is None or (known is not None and not _is_same(content, known)):
                path.unlink()
                continue
            pieces[segment.index] = known or _record(content)
        self._manifest = replace(self._manifest, pieces=pieces)
        self._folder.save(self._manifest)

    def _content(self, path: Path) -> PieceContent | None:
        try:
            return self._film.check_piece(path)
        except UnreadableMediaError:
            return None

    def _on_event(self, unit: WorkUnit, event: Any) -> None:
        assert unit.segment is not None  # noqa: S101 - for mypy
        index = unit.segment.index
        match event:
            case FrameDone():
                self._frames[index] = event.done
                self._report_frames()
            case Warned(_, notice):
                if notice not in self._notices:
                    self._notices.add(notice)
                    self._report(self._unit, event)
            case Finished(outcome):
                self._frames.pop(index, None)
                self._keep(index, unit.output, outcome)
            case Failed(_, error):
                self._stop(error)
            case Started():
                pass
            case _:
                self._report(self._unit, event)

    def _stop(self, error: Exception) -> NoReturn:
        raise _Failure(error)

    def _keep(self, index: int, path: Path, outcome: Outcome) -> None:
        content = self._content(path)
        if content is None or content.frames != outcome.frames:
            frames = "no" if content is None else content.frames
            self._stop(UnreadableMediaError(f"{path}: holds {frames} of {outcome.frames} frames"))
        record = PieceRecord(
            frames=content.frames,
            first=content.first,
            last=content.last,
            size_bytes=content.size_bytes,
            duplicate_frames=outcome.duplicate_frames,
            decode_errors=outcome.decode_errors,
            seconds=outcome.seconds,
        )
        sizes = outcome.source_size, outcome.size
        self._manifest = replace(self._manifest.with_piece(index, record), sizes=sizes)
        self._folder.save(self._manifest)
        self._stages = _sum(self._stages, outcome.stages)
        self._check_disk()
        self._report_frames()

    def _check_disk(self) -> None:
        """Tells once if the disk has too little room for what is still to come."""
        manifest = self._manifest
        size = sum(piece.size_bytes for piece in manifest.pieces.values())
        wanted = size * manifest.frames * 2 // max(manifest.done, 1) - size
        free = self._folder.free_bytes()
        if wanted > free and not self._is_short_of_disk:
            self._is_short_of_disk = True
            self._notify(
                Notice(
                    "disk-short",
                    f"needs about {_gib(wanted)} more for pieces and output, and {_gib(free)} are "
                    f"free beside {self._folder.path}",
                )
            )

    def _report_frames(self) -> None:
        manifest = self._manifest
        done = manifest.done + sum(self._frames.values())
        pieces = len(manifest.pieces), len(manifest.segments)
        source = self._unit.job.source
        self._report(
            self._unit,
            FrameDone(source, done, manifest.frames, pieces=pieces, kept=self._kept),
        )

    def _join(self, segments: Sequence[Segment], *, end: Fraction | None) -> None:
        manifest, output = self._manifest, self._unit.output
        records = [manifest.pieces[segment.index] for segment in segments]
        frames = sum(record.frames for record in records)
        joined = self._folder.joined(output.suffix)
        self._film.join(
            [self._piece(segment) for segment in segments],
            joined,
            frames=frames,
            end=end,
            notify=lambda notice: self._report(self._unit, Warned(self._unit.job.source, notice)),
        )
        joined.replace(output)
        is_whole = len(segments) == len(manifest.segments)
        if is_whole and not self._options.keep_pieces:
            self._folder.discard()
        self._report(
            self._unit,
            Finished(
                Outcome(
                    source=self._unit.job.source,
                    destination=output,
                    source_size=manifest.sizes[0] if manifest.sizes else Size(1, 1),
                    size=manifest.sizes[1] if manifest.sizes else Size(1, 1),
                    seconds=time.perf_counter() - self._started,
                    frames=frames,
                    duplicate_frames=sum(record.duplicate_frames for record in records),
                    decode_errors=sum(record.decode_errors for record in records),
                    stages=self._stages,
                )
            ),
        )

    def _end_early(self) -> None:
        """Tells which pieces are kept; without one, nothing is."""
        manifest = self._manifest
        if not manifest.pieces:
            self._folder.discard()
            return
        share = manifest.done / max(manifest.frames, 1)
        self._notify(
            Notice(
                "work-kept",
                f"{len(manifest.pieces)} of {len(manifest.segments)} pieces ({share:.0%} of the "
                f"frames) are kept in {self._folder.path}: the same command goes on with them, and "
                "`finish` makes a video of what is there",
            )
        )

    def _notify(self, notice: Notice) -> None:
        self._report(self._unit, Warned(self._unit.job.source, notice))


def _record(content: PieceContent) -> PieceRecord:
    return PieceRecord(
        frames=content.frames,
        first=content.first,
        last=content.last,
        size_bytes=content.size_bytes,
    )


def _is_same(content: PieceContent, record: PieceRecord) -> bool:
    names = ("frames", "first", "last", "size_bytes")
    return all(getattr(content, name) == getattr(record, name) for name in names)


def _sum(one: StageTimes, other: StageTimes) -> StageTimes:
    names = StageTimes.__slots__
    return StageTimes(**{name: getattr(one, name) + getattr(other, name) for name in names})


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"
