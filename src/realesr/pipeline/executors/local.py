"""Work in this process: frames from their source, through the network, into their sink."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from realesr.geometry import Size
from realesr.imaging.image import Image, Pixels
from realesr.imaging.steady import Steadier, can_be_steadied
from realesr.imaging.upscaler import ImageUpscaler
from realesr.media.formats import STANDARD_STREAM
from realesr.media.frames import Frame, FrameSink
from realesr.pipeline.executors.base import LoadUpscaler, RunReport, UnitReporter
from realesr.pipeline.queues import ReadAhead, WriteBehind
from realesr.pipeline.units import Units, WorkUnit
from realesr.progress import (
    Failed,
    Finished,
    FrameDone,
    Notice,
    Outcome,
    StageTimes,
    Started,
    TileDone,
    Warned,
)

READ_AHEAD = 1
"""Number of jobs that are read before their turn."""
MAX_OVERLAPPED_PIXELS = 50_000_000
"""A larger output is written before the next image is begun, so that memory holds only one."""


class LocalExecutor:
    """An :class:`~realesr.pipeline.executors.base.Executor` in this process.

    The network runs in the caller's thread; one thread reads ahead and one writes behind.

    Args:
        load_upscaler: Loads the network, or a plain filter, while the first input is being read.
    """

    def __init__(self, load_upscaler: LoadUpscaler) -> None:
        self._load_upscaler = load_upscaler

    def run(self, units: Units, report: UnitReporter) -> RunReport:
        """Carries out all units in order. One that fails is reported, and the others go on.

        Raises:
            Exception: What ``load_upscaler`` raises.
        """
        active = _Run(report)
        with closing(active):
            left = iter(units)
            near = deque(islice(left, READ_AHEAD + 1))
            # Do not read standard input before the model has loaded: the read may block for ever
            # and would hide a loading error. It is an only input.
            if not any(unit.job.source == STANDARD_STREAM for unit in near):
                active.read_ahead(near)
            number = 0
            while near:
                number += 1
                upscaler = self._load_upscaler(near[0].options)
                active.read_ahead(near)
                unit = near.popleft()
                near.extend(islice(left, 1))
                report(unit, Started(unit.job.source, number, len(units)))
                active.upscale(unit, upscaler)
            active.finish_writing()
        return RunReport(active.done, tuple(active.failed))


class _ActiveJob:
    """State of one unit, from the start of reading to the end of writing."""

    def __init__(self, unit: WorkUnit) -> None:
        self.unit = unit
        self.job = unit.job
        self.notices: list[Notice] = []
        """Notices of the reader and the writer; appending is safe between threads."""
        self.sizes: tuple[Size, Size] | None = None
        self.frames = 0
        self.duplicate_frames = 0
        self.inference_s = 0.0
        self.started_at = 0.0
        self.reading = ReadAhead(unit.source(self.notices.append))
        self.writing: WriteBehind | None = None

    def open_sink(self) -> tuple[FrameSink, WriteBehind]:
        """Opens the sink and starts the writer."""
        sink = self.unit.sink(self.reading.source, self.notices.append)
        self.writing = WriteBehind(sink)
        return sink, self.writing

    def abandon(self) -> None:
        """Stops reading and writing, without an output."""
        self.reading.close()
        if self.writing is not None:
            self.writing.abandon()

    def outcome(self) -> Outcome:
        """Waits until the output is complete.

        Raises:
            Exception: It could not be written.
        """
        if self.writing is None or self.sizes is None:
            raise ValueError("a source gives at least one frame, or raises")
        self.writing.finish()
        stages = StageTimes(
            reading_s=self.reading.reading_s,
            inference_s=self.inference_s,
            writing_s=self.writing.writing_s,
            waiting_s=self.reading.waiting_s + self.writing.waiting_s,
        )
        # Three images are at work at a time, and the wall clock would count them all.
        seconds = stages.reading_s + stages.inference_s + stages.writing_s
        if self.frames > 1:
            seconds = self.writing.ended_at - self.started_at
        return Outcome(
            source=self.job.source,
            destination=self.unit.output,
            source_size=self.sizes[0],
            size=self.sizes[1],
            seconds=seconds,
            frames=self.frames,
            duplicate_frames=self.duplicate_frames,
            decode_errors=self.reading.source.decode_errors,
            stages=stages,
        )


class _Run:
    """Carries out units in order; reading, inference and writing of neighbors overlap."""

    def __init__(self, report: UnitReporter) -> None:
        self.done = 0
        self.failed: list[WorkUnit] = []
        self._reporter = report
        self._ahead: dict[WorkUnit, _ActiveJob] = {}
        self._current: _ActiveJob | None = None
        self._writing: _ActiveJob | None = None

    def close(self) -> None:
        """Finishes an image that is being written, and drops the rest."""
        for work in (*self._ahead.values(), self._current):
            if work is not None:
                work.abandon()
        work = self._writing
        if work is not None and work.frames > 1:
            work.abandon()  # an encoder may take minutes
        elif work is not None and work.writing is not None:
            work.writing.finish()

    def read_ahead(self, units: Iterable[WorkUnit]) -> None:
        """Begins to read the inputs that are needed next."""
        for unit in units:
            if unit not in self._ahead:
                self._ahead[unit] = _ActiveJob(unit)

    def upscale(self, unit: WorkUnit, upscaler: ImageUpscaler) -> None:
        """Brings a unit's frames from its source to the writer, which goes on alone."""
        work = self._current = self._ahead.pop(unit)
        work.started_at = time.perf_counter()
        try:
            self._upscale(work, upscaler)
        except Exception as error:  # also what nobody foresaw: one file must not stop thousands
            work.abandon()
            self._current = None
            self.finish_writing()
            self._fail(work, error)
            return
        self._current, self._writing = None, work
        if work.frames > 1 or (work.sizes and work.sizes[1].area > MAX_OVERLAPPED_PIXELS):
            self.finish_writing()

    def finish_writing(self) -> None:
        """Waits for the output that is being written, and reports its end."""
        work = self._writing
        if work is None:
            return
        try:
            outcome = work.outcome()
        except Exception as error:
            self._writing = None
            self._fail(work, error)
            return
        self._writing = None
        self._pass_on_notices(work)
        self.done += 1
        self._reporter(work.unit, Finished(outcome))

    def _upscale(self, work: _ActiveJob, upscaler: ImageUpscaler) -> None:
        """Upscales every frame; one that equals the frame before is not computed again."""
        is_video = work.unit.segment is not None or work.reading.source.frame_count != 1
        upscaler = upscaler.session(work.job.source, is_video=is_video)
        batches = work.reading.batches(upscaler.batch_size)
        first = next(batches)
        sink, writing = work.open_sink()
        source_size = first[0].image.size
        target = work.unit.options.target
        wanted = target.size_of(source_size, upscaler.scale)
        size = sink.nearest_supported_size(wanted)
        if size != wanted and target.is_in_pixels:
            words = f"{size} px instead of {wanted}: its colors need even sides"
            self._reporter(work.unit, Warned(work.job.source, Notice("size-rounded", words)))
        work.sizes = source_size, size
        steadier = Steadier() if work.unit.options.stabilize else None
        if steadier is not None and not (is_video and can_be_steadied(source_size, size)):
            why = "with a single frame, and frames too small or too large for optical flow"
            notice = Notice("option-without-effect", f"`stabilize` does nothing {why}")
            self._reporter(work.unit, Warned(work.job.source, notice))
            steadier = None
        before: Image | None = None
        result: Image | None = None
        for frames in chain((first,), batches):
            prepared = [sink.prepare(frame, size) for frame in frames]
            new = _distinct(prepared, before)
            before = prepared[-1].image
            results = self._upscale_batch(work, upscaler, size, [frame.image for frame in new])
            self._pass_on_notices(work)
            for frame in prepared:
                is_new = bool(new) and frame is new[0]
                if is_new:
                    new.pop(0)
                    result = results.pop(0)
                if result is not None and steadier is not None:
                    result = _steadied(work, steadier, frame.image, result, is_new=is_new)
                if result is None or frame.is_preroll:
                    continue
                work.duplicate_frames += not is_new
                writing.put(replace(frame, image=result))
                work.frames += 1
            expected = work.reading.source.frame_count
            self._reporter(work.unit, FrameDone(work.job.source, work.frames, expected))
            self.finish_writing()  # of the job before; this one's first frame is on its way
        writing.end()

    def _upscale_batch(
        self, work: _ActiveJob, upscaler: ImageUpscaler, size: Size, images: list[Image]
    ) -> list[Image]:
        if not images:
            return []
        started = time.perf_counter()
        source = work.job.source
        results = upscaler.upscale_to(
            images,
            size,
            on_tile=lambda done, total: self._reporter(work.unit, TileDone(source, done, total)),
            notify=lambda notice: self._reporter(work.unit, Warned(source, notice)),
        )
        work.inference_s += time.perf_counter() - started
        return results

    def _pass_on_notices(self, work: _ActiveJob) -> None:
        while work.notices:
            self._reporter(work.unit, Warned(work.job.source, work.notices.pop(0)))

    def _fail(self, work: _ActiveJob, error: Exception) -> None:
        self._pass_on_notices(work)
        self._reporter(work.unit, Failed(work.job.source, error))
        self.failed.append(work.unit)


def _steadied(
    work: _ActiveJob, steadier: Steadier, source: Image, result: Image, *, is_new: bool
) -> Image:
    """Returns the result of the next frame with steady details."""
    started = time.perf_counter()
    if is_new:
        pixels: Pixels | None = steadier(source.pixels, result.pixels)
    else:
        pixels = steadier.repeat()
    work.inference_s += time.perf_counter() - started
    return result if pixels is None else replace(result, pixels=pixels)


def _distinct(frames: Sequence[Frame], before: Image | None) -> list[Frame]:
    """Returns the frames that differ from the frame before them, bit for bit."""
    distinct = []
    for frame in frames:
        if before is None or not _is_same(frame.image, before):
            distinct.append(frame)
        before = frame.image
    return distinct


def _is_same(image: Image, other: Image) -> bool:
    if not np.array_equal(image.pixels, other.pixels):
        return False
    if image.alpha is None or other.alpha is None:
        return image.alpha is other.alpha
    return np.array_equal(image.alpha, other.alpha)
