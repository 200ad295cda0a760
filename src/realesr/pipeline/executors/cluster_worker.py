"""What runs on the nodes of a cluster: a worker with its network, and the weights of its node.

Nothing heavy is imported before the first unit, so that a worker answers at once.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from realesr.errors import ChecksumMismatchError
from realesr.partial import write_whole
from realesr.weights.catalog import cache_folder
from realesr.weights.fetch import sha256_of

if TYPE_CHECKING:
    from realesr.imaging.upscaler import ImageUpscaler
    from realesr.options import UpscaleOptions
    from realesr.pipeline.executors.shares import Refusal
    from realesr.pipeline.units import WorkUnit
    from realesr.progress import Event

Locate = Callable[[Path], Path]
"""Returns where a file of weights lies on this node."""
LoadOnNode = Callable[[Locate, "UpscaleOptions"], "ImageUpscaler"]
"""Loads what upscales, on any node; it can be pickled."""
_PROGRESS_S = 1.0
"""Shortest time between two messages about the frames of one unit, s."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a worker says first.

    Attributes:
        node: Name of its machine.
        pid: Number of its process.
        version: Its version of realesr.
    """

    node: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True)
class TravellingFile:
    """A file of weights that nodes may lack.

    Attributes:
        path: Where it lies on the machine of the command.
        sha256: Hash of its content, lower-case hexadecimal.
        fetch: Gives its content, bytes.
    """

    path: Path
    sha256: str
    fetch: Callable[[], bytes]


class NodeWeights:
    """The files of weights of a node: each travels once, whatever the number of its workers.

    Args:
        files: All files that may be asked for.
        folder: Where they are kept; None for a folder in the user's cache.
    """

    def __init__(self, files: tuple[TravellingFile, ...], folder: Path | None = None) -> None:
        self._files = {file.path: file for file in files}
        self._folder = folder or cache_folder() / "nodes"

    def locate(self, path: Path) -> Path:
        """Returns a file on this node whose content has the hash of the original.

        Raises:
            ChecksumMismatchError: What has arrived is not what was sent.
            OSError: It cannot be written.
        """
        file = self._files[path]
        for place in (path, self._folder / file.sha256 / path.name):
            if _has_hash(place, file.sha256):
                return place
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.parent / "lock"):
            if not _has_hash(place, file.sha256):
                content = file.fetch()
                if hashlib.sha256(content).hexdigest() != file.sha256:
                    raise ChecksumMismatchError(f"{path.name}: damaged on the way to this node")
                write_whole(place, content)
        return place


class ClusterWorker:
    """A worker: it has its network warm and carries out units, a few at a time.

    Args:
        load: Loads the network.
        files: Weights that it may need.
    """

    def __init__(self, load: LoadOnNode, files: tuple[TravellingFile, ...]) -> None:
        weights = NodeWeights(files)
        self._load = lambda options: load(weights.locate, options)
        self._loaded: dict[Any, ImageUpscaler] = {}

    def hello(self) -> Hello:
        """Answers as soon as the worker runs."""
        return Hello(platform.node(), os.getpid(), installed_version())

    def seconds_of_frame(self, unit: WorkUnit) -> float:
        """Times the network on the first frame of a video, s."""
        from realesr.pipeline.executors.pieces import open_film, time_frame

        film = open_film(unit)
        return time_frame(unit, film, self._upscaler) if film is not None else 0.0

    def preroll(self, unit: WorkUnit) -> int:
        """Returns the number of frames that the upscaler must see before a segment."""
        return self._upscaler(unit.options).preroll

    def carry_out(self, units: Mapping[int, WorkUnit]) -> Iterator[tuple[int, Event | Refusal]]:
        """Carries out units; yields what there is to tell about them, by their numbers.

        Pixels stay here: results go to the storage, and events are small.
        """
        from realesr.pipeline.executors.local import LocalExecutor

        numbers = {id(unit): number for number, unit in units.items()}
        events: queue.SimpleQueue[tuple[int, Event | Refusal] | None] = queue.SimpleQueue()
        telling = _Telling(lambda unit, event: events.put((numbers[id(unit)], event)))

        def refuse(refusal: Refusal) -> None:
            events.put((0, refusal))

        def run() -> None:
            try:
                executor = LocalExecutor(lambda options: self._upscaler(options, refuse))
                executor.run(tuple(units.values()), telling)
            except Exception as error:  # the command raises it
                from realesr.pipeline.executors.shares import Refusal

                events.put((0, Refusal(error)))
            finally:
                events.put(None)

        threading.Thread(target=run, name="realesr-units", daemon=True).start()
        while (event := events.get()) is not None:
            yield event

    def _upscaler(
        self, options: UpscaleOptions, refuse: Callable[[Refusal], None] | None = None
    ) -> ImageUpscaler:
        from realesr.pipeline.executors.shares import loaded_once

        if options not in self._loaded:
            self._loaded[options] = loaded_once(self._load, refuse or (lambda refusal: None))(
                options
            )
        return self._loaded[options]


class _Telling:
    """Passes on what the command needs: no tiles, and frames at most once a second."""

    def __init__(self, tell: Callable[[WorkUnit, Event], None]) -> None:
        self._tell = tell
        self._told_at = 0.0

    def __call__(self, unit: WorkUnit, event: Event) -> None:
        from realesr.pipeline.executors.shares import portable
        from realesr.progress import FrameDone, TileDone

        if isinstance(event, TileDone) or (isinstance(event, FrameDone) and event.expected == 1):
            return
        if isinstance(event, FrameDone):
            if time.monotonic() - self._told_at < _PROGRESS_S:
                return
            self._told_at = time.monotonic()
        self._tell(unit, portable(event))


def installed_version() -> str:
    """Returns the version of realesr that is installed here; empty if none is."""
    try:
        return importlib.metadata.version("realesr")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _has_hash(path: Path, sha256: str) -> bool:
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False
