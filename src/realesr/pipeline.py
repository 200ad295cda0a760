"""The one loop: every job's frames from its source, through the network, into its sink."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

from realesr.engine.enlarger import Enlarger
from realesr.geometry import Size
from realesr.media.sources import ImageSink, ImageSource
from realesr.options import DEFAULT_MAX_PIXELS, EncodingOptions, Target
from realesr.plan import Job, Plan
from realesr.progress import Notify, Outcome, Progress, Reporter


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
    done, failed = [], []
    for number, job in enumerate(plan.jobs, start=1):
        reporter.started(job.source, number, len(plan.jobs))
        started = time.perf_counter()
        notify = partial(reporter.noticed, job.source)
        source = ImageSource(job.source, max_pixels=max_pixels, notify=notify)
        sink = ImageSink(job.destination, options=encoding, notify=notify)
        try:
            sizes = _run_job(source, sink, enlarger, target, reporter.tile_done, notify)
        except Exception as error:  # also what nobody foresaw: one file must not stop thousands
            reporter.failed(job.source, error)
            failed.append(job)
        else:
            reporter.finished(
                Outcome(
                    source=job.source,
                    destination=job.destination,
                    source_size=sizes[0],
                    size=sizes[1],
                    seconds=time.perf_counter() - started,
                )
            )
            done.append(job)
    return RunReport(tuple(done), tuple(failed))


def _run_job(
    source: ImageSource,
    sink: ImageSink,
    enlarger: Enlarger,
    target: Target,
    on_tile: Progress,
    notify: Notify,
) -> tuple[Size, Size]:
    """One picture; returns its size before and after."""
    with source, sink:
        for frame in source:
            size = target.size_of(frame.image.size, enlarger.scale)
            image = sink.prepare(frame.image, size)
            enlarged = enlarger.to_size(image, size, on_tile=on_tile, notify=notify)
            sink.write(replace(frame, image=enlarged))
    return frame.image.size, size
