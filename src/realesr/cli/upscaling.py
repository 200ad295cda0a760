"""The common part of ``realesr image`` and ``realesr video``: runs jobs from arguments."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import fields, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realesr import __version__
from realesr.cli.options.effects import ineffective
from realesr.cli.options.model import cluster_options, upscale_options, worker_options
from realesr.cli.printing import answer, answer_json, tell
from realesr.cli.process import keep_memory
from realesr.cli.watch import check_watchable, watch
from realesr.cli.wording import print_notice, with_flags
from realesr.errors import InvalidOptionError
from realesr.loading.build import describe, make_upscaler, model_of
from realesr.loading.identity import identity_of
from realesr.loading.resolve import FaceFiles, NetworkFiles, ensure_face_files, ensure_files
from realesr.media.formats import STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.options import (
    ClusterOptions,
    FileOptions,
    PieceOptions,
    UpscaleOptions,
    WorkerOptions,
)
from realesr.plan import Plan, make_plan
from realesr.progress import Failed, Reporter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from realesr.cli.reporter import TqdmReporter
    from realesr.imaging.upscaler import ImageUpscaler
    from realesr.pipeline.executors.base import Executor
    from realesr.pipeline.executors.shares import Chunks
    from realesr.pipeline.units import MediaIO, WorkUnit


IMAGES_AT_A_TIME = 8
"""Number of images that a worker gets at a time, and more if they are small."""
MOST_IMAGES = 64
"""Largest number of images that a worker gets at a time."""
CHUNK_PIXELS = 32_000_000
"""Size of all images of a chunk that is large enough, px."""


def run(
    args: argparse.Namespace,
    files: FileOptions,
    media_type: AnyMediaType,
    make_medium: Callable[[], MediaIO],
    pieces: PieceOptions | None = None,
    *,
    is_split: bool = False,
) -> int:
    """Runs a command; returns the exit code.

    Args:
        args: Parsed command line.
        files: Inputs and outputs.
        media_type: Images or videos.
        make_medium: Makes the object that reads and writes files. It is called after all cheap
            checks, because its imports are slow.
        pieces: How long videos are cut; None for images.
        is_split: Whether videos whose size changes become several.

    Raises:
        RealesrError: The run could not start.
    """
    options, workers = upscale_options(args), worker_options(args)
    cluster = cluster_options(args)
    _check_workers(workers, options, files, has_cluster=cluster is not None)
    if files.watch:
        check_watchable(files)
    plan = make_plan(files, media_type)
    if options.faces is not None and options.faces.report is not None:
        check_report(options.faces.report, plan)
    if not args.quiet:
        _report_skipped(plan, media_type)
        left_out = () if files.watch else plan.notices  # a watch tells them itself
        for notice in (*left_out, *ineffective(args, options, files, plan)):
            print_notice(notice)
    if args.dry_run:
        for job in plan.jobs:
            answer(f"{job.source} -> {job.destination}")
        for refusal in plan.refused:
            tell(f"error: {with_flags(refusal.error)}")
        return 1 if plan.refused else 0
    is_part = cluster is not None or files.shard is not None
    end = _End(args, files, media_type, is_part=is_part)
    if not plan.jobs and not files.watch:
        if plan.refused:  # no model is needed to tell why
            terminal, reporter = _reporters(args, files, media_type, _no_model)
            with closing(terminal):
                _refuse(plan, reporter)
        end(plan, done=0)
        return 1 if plan.refused else 0
    # The cheap checks are done. The following imports are slow.
    from realesr.pipeline.executors.base import of_jobs
    from realesr.pipeline.units import split, units_of

    medium = make_medium()
    plans = watch(files, media_type, notify=print_notice) if files.watch else (plan,)
    if files.watch and not args.quiet:
        tell("watching; Ctrl-C ends it")
    loader = _Loader(args, options)
    load_upscaler = cache(loader.load)
    terminal, reporter = _reporters(
        args,
        files,
        media_type,
        (lambda: describe(options, load_upscaler()))
        if cluster is None
        else (lambda: {**_no_model(), "model": model_of(options)}),
    )
    if files.watch and cluster is None:
        load_upscaler()  # reports errors now, not when the first file arrives
    with ExitStack() as stack:
        made = (
            _executor(loader, load_upscaler, workers, pieces)
            if cluster is None
            else _cluster_executor(loader, load_upscaler, cluster, pieces)
        )
        executor = stack.enter_context(made)
        has_failed = False
        for part in plans:
            with closing(terminal):
                _refuse(part, reporter)
                units = units_of(part, options, medium, preview=pieces.preview if pieces else None)
                if is_split:
                    units = tuple(split(units, skip_existing=files.skip_existing))
                report = executor.run(units, of_jobs(reporter))
            has_failed |= bool(report.failed or part.refused)
            end(part, report.done, [unit.job.source for unit in report.failed])
    return 1 if has_failed else 0


class _End:
    """Tells how a run has ended; a part of a larger one always, and also as JSON.

    Args:
        args: Parsed command line.
        files: Inputs and outputs.
        media_type: Images or videos.
        is_part: Whether others do the rest, or the work is done elsewhere.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        files: FileOptions,
        media_type: AnyMediaType,
        *,
        is_part: bool,
    ) -> None:
        self._args = args
        self._files = files
        self._noun = media_type.noun
        self._is_part = is_part
        self._started = time.monotonic()

    def __call__(self, plan: Plan, done: int, failed: Sequence[Path] = ()) -> None:
        """Tells the numbers of a plan's files, and which have failed."""
        names = [*map(str, failed), *(str(refusal.source) for refusal in plan.refused)]
        if names or (self._is_part and not self._args.quiet):
            count = len(names)
            tell(f"{count} of {count + done} {self._noun}s failed, {done} done")
        if self._is_part and self._args.json:
            shard = self._files.shard
            summary = {
                "event": "summary",
                "shard": None if shard is None else list(shard),
                "done": done,
                "failed": names,
                "existing": len(plan.existing),
                "seconds": round(time.monotonic() - self._started, 3),
            }
            answer_json(summary, sys.stdout)


def _no_model() -> dict[str, str | None]:
    return dict.fromkeys(("model", "device", "precision"))


def _reporters(
    args: argparse.Namespace,
    files: FileOptions,
    media_type: AnyMediaType,
    constants: Callable[[], Mapping[str, str | None]],
) -> tuple[TqdmReporter, Reporter]:
    """Returns the reporter of the terminal, and one for all that receive events."""
    from realesr.cli.metrics_file import MetricsReporter
    from realesr.cli.reporter import JsonReporter, TqdmReporter, report_to

    terminal = TqdmReporter(is_quiet=args.quiet, is_verbose=args.verbose > 0)
    reporter: Reporter = terminal
    if args.json:
        stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
        lines = JsonReporter(constants, stream, has_frames=media_type is VIDEOS)
        reporter = report_to(reporter, lines)
    if args.metrics_file is not None:
        reporter = report_to(reporter, MetricsReporter(args.metrics_file))
    return terminal, reporter


def _refuse(plan: Plan, reporter: Reporter) -> None:
    for refusal in plan.refused:
        reporter(Failed(refusal.source, refusal.error))


@contextmanager
def _executor(
    loader: _Loader,
    load_upscaler: Callable[[], ImageUpscaler],
    workers: WorkerOptions,
    pieces: PieceOptions | None,
) -> Iterator[Executor]:
    """Makes what carries out the work: in this process or in others, videos in pieces."""
    from realesr.pipeline.executors.local import LocalExecutor
    from realesr.pipeline.executors.pieces import PieceExecutor
    from realesr.pipeline.executors.processes import ProcessExecutor

    with ExitStack() as stack:
        executor: Executor = LocalExecutor(lambda options: load_upscaler())
        if workers.count > 1:
            load = partial(load_in_worker, loader.network, loader.faces)
            executor = stack.enter_context(ProcessExecutor(load, workers, chunks=_chunks(pieces)))
        if pieces is not None:
            executor = PieceExecutor(
                executor,
                lambda options: load_upscaler(),
                identify=loader.identify,
                options=pieces,
                workers=workers,
            )
        yield executor


@contextmanager
def _cluster_executor(
    loader: _Loader,
    load_upscaler: Callable[[], ImageUpscaler],
    cluster: ClusterOptions,
    pieces: PieceOptions | None,
) -> Iterator[Executor]:
    """Makes what has a cluster carry out the work."""
    from realesr.pipeline.executors.cluster import ClusterExecutor
    from realesr.pipeline.executors.pieces import PieceExecutor

    load = partial(load_on_node, loader.network, loader.faces)
    with ClusterExecutor(
        load,
        cluster,
        weights=weights_files(loader.network, loader.faces),
        chunks=_chunks(pieces),
        notify=print_notice,
    ) as executor:
        if pieces is None:
            yield executor
            return
        yield PieceExecutor(
            executor,
            lambda options: load_upscaler(),
            identify=loader.identify,
            options=pieces,
            cluster=executor,
        )


def _chunks(pieces: PieceOptions | None) -> Chunks:
    """Returns how much work a worker gets at a time: a video or a piece, or several images."""
    from realesr.media.images.header import estimated_pixels
    from realesr.pipeline.executors.shares import ONE_BY_ONE, Chunks

    if pieces is not None:
        return ONE_BY_ONE
    return Chunks(
        fewest=IMAGES_AT_A_TIME,
        most=MOST_IMAGES,
        work=CHUNK_PIXELS,
        work_of=lambda job: estimated_pixels(job.source, job.size_bytes),
    )


def load_on_node(
    network: NetworkFiles | None,
    faces: FaceFiles | None,
    locate: Callable[[Path], Path],
    options: UpscaleOptions,
) -> ImageUpscaler:
    """Loads the networks in a worker of a cluster, from where their files lie there."""
    if network is not None:
        other = None if network.other is None else locate(network.other)
        network = replace(network, path=locate(network.path), other=other)
    if faces is not None:
        places = {
            field.name: locate(path)
            for field in fields(faces)
            if (path := getattr(faces, field.name)) is not None
        }
        faces = replace(faces, **places)
    return load_in_worker(network, faces, options)


def weights_files(network: NetworkFiles | None, faces: FaceFiles | None) -> tuple[Path, ...]:
    """Returns all files that :func:`load_on_node` needs."""
    files = [] if network is None else [network.path, network.other]
    if faces is not None:
        files += [getattr(faces, field.name) for field in fields(faces)]
    return tuple(file for file in files if file is not None)


def load_in_worker(
    network: NetworkFiles | None, faces: FaceFiles | None, options: UpscaleOptions
) -> ImageUpscaler:
    """Loads the networks in a worker process."""
    keep_memory()
    return make_upscaler(options, network, faces)


def _check_workers(
    workers: WorkerOptions, options: UpscaleOptions, files: FileOptions, *, has_cluster: bool
) -> None:
    """Refuses what several processes cannot do.

    Raises:
        InvalidOptionError: A stream or a report can be written by one process alone.
    """
    if workers.count == 1 and not has_cluster:
        return
    name = "cluster" if has_cluster else "workers"
    if STANDARD_STREAM in (files.output, *files.inputs):
        raise InvalidOptionError(f"`{name}`: standard input and output belong to one process")
    if options.faces is not None and options.faces.report is not None:
        raise InvalidOptionError(f"`{name}`: one process alone can write a `report`")


class _Loader:
    """Finds or downloads the weights, and loads them when it is asked to.

    Raises:
        RealesrError: The weights are not available.
    """

    def __init__(self, args: argparse.Namespace, options: UpscaleOptions) -> None:
        from realesr.cli.reporter import download_bar

        self._is_told = bool(args.verbose) and not args.quiet
        self._options = options
        self.network = ensure_files(options, downloading=download_bar, notify=print_notice)
        self.faces = ensure_face_files(options, downloading=download_bar, notify=print_notice)

    def identify(self, unit: WorkUnit) -> dict[str, dict[str, Any]]:
        """Returns what results depend on besides source and encoding, by section and name."""
        return identity_of(unit.options, self.network, self.faces, version=__version__)

    def load(self) -> ImageUpscaler:
        """Loads the networks."""
        started = time.perf_counter()
        keep_memory()
        upscaler = make_upscaler(self._options, self.network, self.faces, notify=print_notice)
        if self._is_told:
            seconds = time.perf_counter() - started
            tell(_described(self._options, upscaler, seconds))
        return upscaler


def _described(options: UpscaleOptions, upscaler: ImageUpscaler, seconds: float) -> str:
    """Returns a line about model, device, precision, tiles and the loading time."""
    model = describe(options, upscaler)["model"]
    description = upscaler.description
    if description.device is None:
        return f"model {model}, without a network"
    tiles = {None: "as memory allows", 0: "none"}.get(description.tile, f"{description.tile} px")
    return (
        f"model {model} (x{upscaler.scale}), device {description.device}, precision "
        f"{description.precision} ({description.engine}), tiles {tiles}; loaded in {seconds:.1f} s"
    )


def check_report(report: Path, plan: Plan) -> None:
    """Checks that a report would not overwrite a file of the run.

    Raises:
        InvalidOptionError: The report is an input, an output or a folder.
    """
    paths = (path for job in plan.jobs for path in (job.source, job.destination))
    is_taken = os.path.realpath(report) in map(os.path.realpath, paths)
    if is_taken or os.path.isdir(report):  # noqa: PTH112 -- never raises
        raise InvalidOptionError(f"`report` {report}: is an input, an output or a folder")


def _report_skipped(plan: Plan, media_type: AnyMediaType) -> None:
    if plan.existing:
        tell(f"left alone, outputs exist: {len(plan.existing)}")
    if plan.skipped:
        names = ", ".join(path.name for path in islice(plan.skipped, 3))
        more = ", ..." if len(plan.skipped) > 3 else ""
        tell(f"left out, no {media_type.noun}s: {len(plan.skipped)} ({names}{more})")
