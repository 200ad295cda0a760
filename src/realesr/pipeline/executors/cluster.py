"""Work on a Ray cluster: a worker for each GPU or share of CPUs, on however many machines.

Ray places workers, tells when one has died, and carries small records. It carries no pixels: units
name files on storage that all machines see. Ray's own retries are off: they would bind a unit to
its worker, and after the loss of a node to one that may never find a place; here any other worker
takes it, and a unit on which two have died has failed, as on one machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from realesr.errors import InvalidOptionError, RealesrError
from realesr.media.formats import STANDARD_STREAM
from realesr.options import ClusterOptions
from realesr.pipeline.executors.base import RunReport, UnitReporter
from realesr.pipeline.executors.cluster_connection import Ray, connect, import_ray
from realesr.pipeline.executors.cluster_worker import (
    ClusterWorker,
    Hello,
    LoadOnNode,
    TravellingFile,
    installed_version,
)
from realesr.pipeline.executors.shares import (
    ONE_BY_ONE,
    Chunks,
    Refusal,
    Shares,
    WorkerDiedError,
)
from realesr.pipeline.units import Units, WorkUnit
from realesr.progress import Event, Failed, Finished, Notice, Notify, no_notice
from realesr.weights.fetch import sha256_of

IN_FLIGHT = 2
"""Number of chunks that a worker has: one that it works at, and one so that it never waits."""
_POLL_S = 0.5
"""Time after which the cluster is looked at again, s."""
_GROW_S = 2.0
"""Time between two looks at the size of the cluster, s."""
_SPARE = 8
"""One worker in so many is asked for beyond what there is place for: an autoscaler sees it."""
_MAX_FALSE_STARTS = 5
"""Number of workers in a row that may die before they have begun."""


class ClusterExecutor:
    """An :class:`~realesr.pipeline.executors.base.Executor` of workers on a Ray cluster.

    Workers begin with the first run, and end with :meth:`close` or with this process.

    Args:
        load: Loads the network in a worker.
        options: Which cluster, and how large workers are.
        weights: Files of weights, which travel to each node once.
        chunks: How many units a worker gets at a time.
        notify: Receives a notice when a worker is lost.
    """

    def __init__(
        self,
        load: LoadOnNode,
        options: ClusterOptions,
        *,
        weights: Sequence[Path] = (),
        chunks: Chunks = ONE_BY_ONE,
        notify: Notify = no_notice,
    ) -> None:
        self._ray = import_ray()
        self._load = load
        self._options = options
        self._weights = tuple(weights)
        self._chunks = chunks
        self._notify = notify
        self._files: tuple[TravellingFile, ...] = ()
        self._workers: list[_Worker] = []
        self._false_starts = 0
        self._looked_at = -_GROW_S
        self._places = 0
        self._is_ours = False
        self._known_needs: dict[str, float] = {}

    def __enter__(self) -> ClusterExecutor:
        self._is_ours = connect(self._ray, self._options.address, notify=self._notify)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._is_ours:
            self._ray.shutdown()

    def close(self) -> None:
        """Ends all workers; what they are at is dropped."""
        for worker in self._workers:
            worker.end(self._ray)
        self._workers = []

    def count_workers(self) -> int:
        """Returns the number of workers that there is place for now, at least 1."""
        needs = self._needs()
        nodes = [node["Resources"] for node in self._nodes()]
        places = (min(int(each.get(k, 0) / v) for k, v in needs.items()) for each in nodes)
        return max(1, sum(places))

    def seconds_of_frame(self, unit: WorkUnit) -> float:
        """Has a worker time the network on the first frame of a video, s.

        Raises:
            RealesrError: No worker can do that.
        """
        return float(self._ask("seconds_of_frame", unit))

    def preroll(self, unit: WorkUnit) -> int:
        """Returns the number of frames that the upscaler must see before a segment.

        Raises:
            RealesrError: No worker can tell.
        """
        return int(self._ask("preroll", unit))

    def _ask(self, method: str, unit: WorkUnit) -> Any:
        if not self._workers:
            self._workers.append(self._start())
        worker = self._workers[0]
        try:
            if not worker.is_ready:
                self._welcome(worker, self._ray.get(worker.waited))
            return self._ray.get(getattr(worker.actor, method).remote(self._portable(unit)))
        except self._ray.exceptions.RayTaskError as error:
            raise _cause_of(error) from error
        except self._ray.exceptions.RayError as error:
            worker.end(self._ray)
            self._workers.remove(worker)
            raise WorkerDiedError(f"a worker died on the first frame: {error}") from error

    def run(self, units: Units, report: UnitReporter) -> RunReport:
        """Carries out all units. One that fails is reported, and the others go on.

        Args:
            units: What is to be done. Their files lie where every node sees them.
            report: Receives events, from the caller's thread alone.

        Raises:
            RealesrError: A worker cannot load the network, or none can be started.
        """
        shares = Shares(units, report, self._chunks)
        try:
            while not shares.is_over:
                self._grow(shares)
                self._feed(shares)
                for worker, news in self._news():
                    self._receive(shares, worker, news)
        except BaseException:  # Ctrl-C, or an error that concerns every unit
            self.close()
            raise
        return RunReport(shares.done, tuple(shares.failed))

    def _needs(self) -> dict[str, float]:
        """Returns what a worker takes of its node, by Ray's names; the same for all of a run."""
        if not self._known_needs:
            options, resources = self._options, self._ray.cluster_resources()
            counts = [node["Resources"].get("CPU", 0) for node in self._nodes()]
            least = min((count for count in counts if count), default=1)
            share = options.threads or max(1, int(least / options.each))
            has_gpu = options.device.startswith("cuda") or resources.get("GPU", 0)
            if has_gpu and options.device != "cpu":
                self._known_needs = {"GPU": 1 / options.each, "CPU": 1}
            else:
                self._known_needs = {"CPU": share}
        return self._known_needs

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]

    def _start(self) -> _Worker:
        if not self._files:
            self._files = tuple(self._travelling(path) for path in self._weights)
        needs = self._needs()
        remote = self._ray.remote(
            num_cpus=needs["CPU"],
            num_gpus=needs.get("GPU", 0),
            max_restarts=0,
            max_task_retries=0,
        )(ClusterWorker)
        return _Worker(remote.remote(self._load, self._files))

    def _travelling(self, path: Path) -> TravellingFile:
        content = self._ray.put(path.read_bytes())
        return TravellingFile(path, sha256_of(path), partial(_fetch, content))

    def _grow(self, shares: Shares) -> None:
        """Asks for as many workers as there is place and work for, and some more."""
        now = time.monotonic()
        if now - self._looked_at >= _GROW_S or not self._workers:
            self._looked_at = now
            ready = sum(worker.is_ready for worker in self._workers)
            places = max(self.count_workers(), ready)
            self._places = places + max(1, places // _SPARE)
        # Chunks cannot be counted before they are made; units are enough to be sure.
        wanted = min(self._places, max(1, shares.waiting + self._busy()))
        self._workers += [self._start() for _ in range(wanted - len(self._workers))]

    def _busy(self) -> int:
        return sum(bool(worker.calls) for worker in self._workers)

    def _feed(self, shares: Shares) -> None:
        ready = [worker for worker in self._workers if worker.is_ready]
        for depth in range(IN_FLIGHT):
            for worker in ready:
                # At the end nothing waits behind a busy worker while another one is idle.
                is_plenty = not depth or shares.waiting >= len(ready)
                if shares.waiting and is_plenty and len(worker.calls) <= depth:
                    units = shares.take(len(ready))
                    worker.give(units, {n: self._portable(unit) for n, unit in units.items()})

    def _portable(self, unit: WorkUnit) -> WorkUnit:
        """Returns a unit that means the same on every node: absolute paths, and a CPU share."""
        job = replace(
            unit.job,
            source=_absolute(unit.job.source),
            destination=_absolute(unit.job.destination),
        )
        options = unit.options
        if options.threads is None:
            options = replace(options, threads=int(self._needs()["CPU"]))
        return replace(unit, job=job, output=_absolute(unit.output), options=options)

    def _news(self) -> Iterator[tuple[_Worker, Any]]:
        """Yields workers with what they have sent, as soon as there is anything."""
        waited = {id(each.waited): each for each in self._workers if each.waited is not None}
        objects = [each.waited for each in waited.values()]
        some, _ = self._ray.wait(objects, num_returns=1, timeout=_POLL_S, fetch_local=False)
        if some and len(objects) > 1:
            some, _ = self._ray.wait(
                objects, num_returns=len(objects), timeout=0, fetch_local=False
            )
        for each in some:
            yield waited[id(each)], each

    def _receive(self, shares: Shares, worker: _Worker, news: Any) -> None:
        """Takes what a worker has sent: its greeting, or the next event of its first call."""
        try:
            if not worker.is_ready:
                self._welcome(worker, self._ray.get(news))
                return
            try:
                number, event = self._ray.get(next(news))
            except StopIteration:
                worker.end_call()
                return
        except self._ray.exceptions.RayTaskError as error:
            raise _cause_of(error) from error
        except self._ray.exceptions.RayError as error:
            self._lose(shares, worker, error)
            return
        if isinstance(event, Refusal):
            raise event.error
        unit = shares.unit(number)
        shares.on_event(worker.calls[0].units, number, _renamed(event, unit))

    def _welcome(self, worker: _Worker, hello: Hello) -> None:
        version = installed_version()
        if hello.version != version:
            raise InvalidOptionError(
                f"`cluster`: {hello.node} has realesr {hello.version}, and this machine "
                f"{version}: install the same version on every machine"
            )
        self._false_starts = 0
        worker.hello = hello

    def _lose(self, shares: Shares, worker: _Worker, error: Exception) -> None:
        """Gives the units of a lost worker back; another one is asked for when there is need."""
        self._workers.remove(worker)
        worker.end(self._ray)
        place = "before it began" if worker.hello is None else f"on {worker.hello.node}"
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        self._notify(Notice("worker-lost", f"a worker was lost {place}: others do its work"))
        if worker.hello is None:
            self._false_starts += 1
            if self._false_starts >= _MAX_FALSE_STARTS:
                raise WorkerDiedError(f"workers die before they begin: {reason}") from error
        shares.give_back(worker.assigned(), WorkerDiedError(f"a worker died {place}: {reason}"))


class _Call:
    """A chunk of units that a worker has.

    Args:
        news: The stream of its events.
        units: Units that have not ended, by their numbers.
    """

    def __init__(self, news: Any, units: dict[int, WorkUnit]) -> None:
        self.news = news
        self.units = units


class _Worker:
    """A worker, seen from the command; ``actor`` is Ray's handle."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.hello: Hello | None = None
        self.calls: list[_Call] = []
        self._greeting = actor.hello.remote()

    @property
    def is_ready(self) -> bool:
        """Whether it runs."""
        return self.hello is not None

    @property
    def waited(self) -> Any:
        """What it will send next; None if nothing is asked of it."""
        if not self.is_ready:
            return self._greeting
        return self.calls[0].news if self.calls else None

    def give(self, units: dict[int, WorkUnit], portable: dict[int, WorkUnit]) -> None:
        """Hands units over."""
        stream = self.actor.carry_out.options(num_returns="streaming").remote(portable)
        self.calls.append(_Call(stream, units))

    def end_call(self) -> None:
        """Forgets the call that has ended."""
        self.calls.pop(0)

    def assigned(self) -> dict[int, WorkUnit]:
        """Returns the units that have not ended, in order."""
        return {number: unit for call in self.calls for number, unit in call.units.items()}

    def end(self, ray: Ray) -> None:
        """Ends the process, wherever it is."""
        with suppress(Exception):
            ray.kill(self.actor, no_restart=True)


def _fetch(content: Any) -> bytes:
    """Gets the content of a file from Ray, on a node."""
    data: bytes = import_ray().get(content)
    return data


def _absolute(path: Path) -> Path:
    return path if path == STANDARD_STREAM else path.absolute()


def _renamed(event: Event, unit: WorkUnit) -> Event:
    """Returns an event with the paths of this machine's unit."""
    if isinstance(event, Finished):
        outcome = replace(event.outcome, source=unit.job.source, destination=unit.output)
        return Finished(outcome)
    if isinstance(event, Failed):
        return Failed(unit.job.source, event.error)
    return replace(event, source=unit.job.source)


def _cause_of(error: Any) -> Exception:
    """Returns what a worker has raised, without Ray's wrapping."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, RealesrError):
        return cause
    return RealesrError(f"a worker failed: {cause or error}")
