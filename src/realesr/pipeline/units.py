"""The unit of work: everything that a process needs to make one output, or a piece of one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

from realesr.errors import InvalidOptionError, RealesrError
from realesr.jobs import Job
from realesr.media.formats import Format
from realesr.media.frames import Destination, FrameSink, FrameSource, Segment
from realesr.options import UpscaleOptions
from realesr.pipeline.preview import PreviewSink, preview_folder
from realesr.plan import Plan
from realesr.progress import Notify


class MediaIO(Protocol):
    """How files of a kind are read and written: options, and no open objects."""

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None,
        destination: Destination | None,
    ) -> FrameSource:
        """Returns the source of a file's frames, which opens nothing before it is entered."""
        ...

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None,
    ) -> FrameSink:
        """Returns the sink for an output; ``source`` has given its first frame."""
        ...


class PartsIO(MediaIO, Protocol):
    """How files are read that may be cut into parts, each of which becomes an output."""

    def parts(self, path: Path) -> Sequence[MediaIO]:
        """Returns what reads the parts of a file; one for a file that is not cut."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkUnit:
    """A job, or a segment of one, with all options. It can be pickled.

    Attributes:
        job: The input, the output that it becomes in the end, and the format.
        options: How images or frames are upscaled.
        media: How files are read and written.
        output: The file that this unit writes. It gets its name when it is whole.
        segment: None for an image, or for a video in one piece.
        preview: Distance of the frames that are written as JPEG, too; None for none.
    """

    job: Job
    options: UpscaleOptions
    media: MediaIO
    output: Path
    segment: Segment | None = None
    preview: int | None = None

    def source(self, notify: Notify) -> FrameSource:
        """Returns the source of the unit's frames, which opens nothing before it is entered."""
        destination = Destination(self.output, self.job.target)
        return self.media.source(self.job.source, notify, self.segment, destination)

    def sink(self, source: FrameSource, notify: Notify) -> FrameSink:
        """Returns the sink for the unit's output; ``source`` has given its first frame."""
        sink = self.media.sink(self.output, self.job.target, source, notify, self.segment)
        if self.preview is None:
            return sink
        position = 0 if self.segment is None else self.segment.position
        folder = preview_folder(self.job.destination)
        return PreviewSink(sink, folder, every=self.preview, position=position)


class Units(Protocol):
    """Units whose number is known; each is made when its turn comes."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[WorkUnit]: ...


@dataclass(frozen=True, slots=True)
class _JobUnits:
    """The units of jobs, none of them in segments."""

    jobs: Sequence[Job]
    options: UpscaleOptions
    media: MediaIO
    preview: int | None

    def __len__(self) -> int:
        return len(self.jobs)

    def __iter__(self) -> Iterator[WorkUnit]:
        for job in self.jobs:
            yield WorkUnit(
                job=job,
                options=self.options,
                media=self.media,
                output=job.destination,
                preview=self.preview,
            )


def units_of(
    plan: Plan, options: UpscaleOptions, media: MediaIO, *, preview: int | None = None
) -> Units:
    """Returns a unit for each job of a plan, none of them in segments.

    Raises:
        InvalidOptionError: Previews would be written where an input lies.
    """
    if preview is not None:
        _check_previews(plan)
    return _JobUnits(plan.jobs, options, media, preview)


def _check_previews(plan: Plan) -> None:
    sources = [os.path.realpath(job.source) for job in plan.jobs]
    taken = {*sources, *map(os.path.dirname, sources)}
    for job in plan.jobs:
        folder = preview_folder(job.destination)
        if os.path.realpath(folder) in taken:
            raise InvalidOptionError(
                f"`preview`: {folder}, where previews are written, is or holds an input: choose "
                "another `output`"
            )


def split(units: Iterable[WorkUnit], *, skip_existing: bool = False) -> Iterator[WorkUnit]:
    """Yields units of the parts of files: ``a_out_part1.mkv``, ``a_out_part2.mkv``.

    A file that cannot be read, or that has one part, keeps its unit.

    Args:
        units: Units whose media can be cut.
        skip_existing: Whether parts whose outputs exist are left out.

    Raises:
        InvalidOptionError: A part would replace an input.
    """
    units = list(units)
    sources = {os.path.realpath(unit.job.source) for unit in units}
    for unit in units:
        try:
            parts = cast(PartsIO, unit.media).parts(unit.job.source)
        except RealesrError:  # the unit will fail in the same words
            parts = (unit.media,)
        if len(parts) < 2:
            yield unit
            continue
        for number, media in enumerate(parts, 1):
            whole = unit.output
            output = whole.with_name(f"{whole.stem}_part{number}{whole.suffix}")
            if os.path.realpath(output) in sources:
                raise InvalidOptionError(
                    f"{output} would replace an input: choose another `output`"
                )
            if not (skip_existing and output.exists()):
                job = replace(unit.job, destination=output)
                yield replace(unit, job=job, output=output, media=media)
