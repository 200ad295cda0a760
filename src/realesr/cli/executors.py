"""What carries out the work of a command, and how it loads the networks."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realesr import __version__
from realesr.cli.printing import tell
from realesr.cli.process import keep_memory
from realesr.cli.wording import print_notice
from realesr.loading.build import describe, make_upscaler
from realesr.loading.identity import identity_of
from realesr.loading.resolve import FaceFiles, NetworkFiles, ensure_face_files, ensure_files
from realesr.options import ClusterOptions, PieceOptions, UpscaleOptions, WorkerOptions

if TYPE_CHECKING:
    from realesr.imaging.upscaler import ImageUpscaler
    from realesr.pipeline.executors.base import Executor
    from realesr.pipeline.executors.shares import Chunks
    from realesr.pipeline.units import WorkUnit


IMAGES_AT_A_TIME = 8
"""Number of images that a worker gets at a time, and more if they are small."""
MOST_IMAGES = 64
"""Largest number of images that a worker gets at a time."""
CHUNK_PIXELS = 32_000_000
"""Size of all images of a chunk that is large enough, px."""


class Loader:
    """Finds or downloads the weights, and loads them when it is asked to.

    Args:
        args: Parsed command line.
        options: The upscaling.

    Attributes:
        network: Files of the network, if there is one.
        faces: Files of the face networks, if there are some.

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


@contextmanager
def local_executor(
    loader: Loader,
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
def cluster_executor(
    loader: Loader,
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
