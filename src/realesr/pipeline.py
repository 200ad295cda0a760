"""The one loop: every job's frames from its source, through the network, into its sink."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from realesr.engine.upscaler import TileCallback, Upscaler
from realesr.imaging.image import Image
from realesr.imaging.resize import resize
from realesr.media.sources import Frame, ImageSink, ImageSource
from realesr.plan import Job, Plan
from realesr.progress import Reporter


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did.

    Attributes:
        done: Jobs whose output stands.
        failed: Jobs without an output.
    """

    done: tuple[Job, ...]
    failed: tuple[Job, ...]


def run(plan: Plan, upscaler: Upscaler, *, outscale: float | None, reporter: Reporter) -> RunReport:
    """Carries out a plan. A job that fails is reported and counted, and the others go on.

    Args:
        plan: The jobs.
        upscaler: The network.
        outscale: Output px per input px along each side; None for the network's own scale.
        reporter: Is told what happens.
    """
    done, failed = [], []
    for number, job in enumerate(plan.jobs, start=1):
        reporter.started(job.source, number, len(plan.jobs))
        started = time.perf_counter()
        try:
            _run_job(job, upscaler, outscale, reporter.tile_done)
        except Exception as error:  # also what nobody foresaw: one file must not stop thousands
            reporter.failed(job.source, error)
            failed.append(job)
        else:
            reporter.finished(job.source, job.destination, time.perf_counter() - started)
            done.append(job)
    return RunReport(tuple(done), tuple(failed))


def _run_job(job: Job, upscaler: Upscaler, outscale: float | None, on_tile: TileCallback) -> None:
    with ImageSource(job.source) as source, ImageSink(job.destination) as sink:
        for frame in source:
            image = _enlarge(frame.image, upscaler, outscale, on_tile)
            sink.write(Frame(index=frame.index, image=image, pts=frame.pts))


def _enlarge(
    image: Image, upscaler: Upscaler, outscale: float | None, on_tile: TileCallback
) -> Image:
    if outscale is None or outscale == upscaler.scale:
        return upscaler(image, on_tile=on_tile)
    enlarged = upscaler(image, dtype=np.dtype(np.uint16), on_tile=on_tile)
    return resize(enlarged, image.size.scaled(outscale), image.pixels.dtype)
