"""The one loop: every job's frames from its source, through the network, into its sink."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial

from realesr.engine.enlarger import Enlarger
from realesr.geometry import Size
from realesr.media.frames import Frame
from realesr.media.images import ImageSink, ImageSource
from realesr.options import DEFAULT_MAX_PIXELS, EncodingOptions, Target
from realesr.plan import Job, Plan
from realesr.progress import Outcome, Reporter

READ_AHEAD = 1
"""How many inputs are read before their turn."""
MAX_OVERLAPPED_PIXELS = 50_000_000
"""A larger output is written before the next picture is begun, lest two lie in memory."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did.

    Attributes:
        done: Jobs whose output stands.
        failed: Jobs without an output.
    """

    done: tuple[Job, ...]
    failed: tuple[Job, ...]


def run(
    plan: Plan,
    enlarger: Enlarger,
    *,
    target: Target,
    encoding: EncodingOptions,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    reporter: Reporter,
) -> RunReport:
    """Carries out a plan. A job that fails is reported and counted, and the others go on.

    Args:
        plan: The jobs.
        enlarger: The network, or a plain filter.
        target: How large results become.
        encoding: How outputs are written.
        max_pixels: Larger inputs fail, px.
        reporter: Is told what happens.
    """
    workshop = _Workshop(enlarger, target, encoding, max_pixels, reporter)
    with closing(workshop):
        for number, job in enumerate(plan.jobs):
            workshop.read_ahead(plan.jobs[number : number + READ_AHEAD + 1])
            reporter.started(job.source, number + 1, len(plan.jobs))
            workshop.enlarge(job)
        workshop.finish_writing()
    return RunReport(tuple(workshop.done), tuple(workshop.failed))


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture, what was noticed about it, and how long it took."""

    frame: Frame
    notices: list[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Writing:
    """An output on its way to the disk."""

    job: Job
    sizes: tuple[Size, Size]
    seconds: float
    result: Future[tuple[list[str], float]]


class _Workshop:
    """Reading, enlarging and writing, each of another picture at the same time.

    Readers and writers have a thread each; the reporter hears from the caller's thread alone.
    """

    def __init__(
        self,
        enlarger: Enlarger,
        target: Target,
        encoding: EncodingOptions,
        max_pixels: int,
        reporter: Reporter,
    ) -> None:
        self.done: list[Job] = []
        self.failed: list[Job] = []
        self._enlarger = enlarger
        self._target = target
        self._encoding = encoding
        self._max_pixels = max_pixels
        self._reporter = reporter
        self._reader = ThreadPoolExecutor(1, "reader")
        self._writer = ThreadPoolExecutor(1, "writer")
        self._ahead: dict[Job, Future[_Read]] = {}
        self._writing: _Writing | None = None

    def close(self) -> None:
        """Lets what is being written come to its end, and drops the rest."""
        self._reader.shutdown(cancel_futures=True)
        self._writer.shutdown()

    def read_ahead(self, jobs: Sequence[Job]) -> None:
        """Begins to read the inputs that are needed next."""
        for job in jobs:
            if job not in self._ahead:
                self._ahead[job] = self._reader.submit(self._read, job)

    def enlarge(self, job: Job) -> None:
        """Brings a picture from its input to the writer, which goes on alone."""
        try:
            read = self._ahead.pop(job).result()
            for notice in read.notices:
                self._reporter.noticed(job.source, notice)
            writing = self._enlarge(job, read)
        except Exception as error:  # also what nobody foresaw: one file must not stop thousands
            self.finish_writing()
            self._fail(job, error)
            return
        self.finish_writing()
        self._writing = writing
        if writing.sizes[1].area > MAX_OVERLAPPED_PIXELS:
            self.finish_writing()

    def finish_writing(self) -> None:
        """Waits for the output that is on its way, and tells how it ended."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            notices, seconds = writing.result.result()
        except Exception as error:
            self._fail(writing.job, error)
            return
        for notice in notices:
            self._reporter.noticed(writing.job.source, notice)
        self.done.append(writing.job)
        self._reporter.finished(
            Outcome(
                source=writing.job.source,
                destination=writing.job.destination,
                source_size=writing.sizes[0],
                size=writing.sizes[1],
                seconds=writing.seconds + seconds,
            )
        )

    def _read(self, job: Job) -> _Read:
        started = time.perf_counter()
        notices: list[str] = []
        source = ImageSource(job.source, max_pixels=self._max_pixels, notify=notices.append)
        with source:
            (frame,) = source
        return _Read(frame, notices, time.perf_counter() - started)

    def _enlarge(self, job: Job, read: _Read) -> _Writing:
        started = time.perf_counter()
        image = read.frame.image
        size = self._target.size_of(image.size, self._enlarger.scale)
        notify = partial(self._reporter.noticed, job.source)
        notices: list[str] = []
        sink = ImageSink(
            job.destination, target=job.target, options=self._encoding, notify=notices.append
        )
        with ExitStack() as stack:
            stack.enter_context(sink)
            image = sink.prepare(image, size)
            enlarged = self._enlarger.to_size(
                image, size, on_tile=self._reporter.tile_done, notify=notify
            )
            frame = replace(read.frame, image=enlarged)
            result = self._writer.submit(_write, sink, stack.pop_all(), frame, notices)
        seconds = read.seconds + time.perf_counter() - started
        return _Writing(job, (image.size, size), seconds, result)

    def _fail(self, job: Job, error: Exception) -> None:
        self._reporter.failed(job.source, error)
        self.failed.append(job)


def _write(
    sink: ImageSink, end: ExitStack, frame: Frame, notices: list[str]
) -> tuple[list[str], float]:
    started = time.perf_counter()
    with end:
        sink.write(frame)
    return notices, time.perf_counter() - started
