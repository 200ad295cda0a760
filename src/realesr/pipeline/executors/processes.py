"""Work in several processes, each with a network of its own: on one device or on several."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import NoReturn

from realesr.imaging.upscaler import ImageUpscaler
from realesr.options import UpscaleOptions, WorkerOptions
from realesr.pipeline.executors.base import RunReport, UnitReporter
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.executors.shares import (
    ONE_BY_ONE,
    Chunks,
    Refusal,
    Shares,
    WorkerDiedError,
    loaded_once,
    portable,
)
from realesr.pipeline.units import Units, WorkUnit
from realesr.progress import Event

END_S = 5.0
"""Time that a worker has to close its files after it was asked to end, s."""


def worker_options(options: UpscaleOptions, device: str, workers: WorkerOptions) -> UpscaleOptions:
    """Returns the options of a unit on one of several workers.

    Args:
        options: Options of the run.
        device: Device of the worker.
        workers: All workers.
    """
    threads = options.threads
    if threads is None:  # also on GPUs: images are prepared on the CPU
        threads = max(1, (os.cpu_count() or 1) // workers.count)
    return replace(options, device=device, threads=threads, sharers=workers.each)


class ProcessExecutor:
    """An :class:`~realesr.pipeline.executors.base.Executor` of several worker processes.

    Workers begin with the first run, load the network once, and end with :meth:`close`. They get
    units in order, but units may end in another one.

    Args:
        load_upscaler: Loads the network in a worker; it must be possible to pickle it.
        workers: How many workers there are, and on which devices.
        chunks: How many units a worker gets at a time; within them reading, network and writing
            overlap.
    """

    def __init__(
        self,
        load_upscaler: Callable[[UpscaleOptions], ImageUpscaler],
        workers: WorkerOptions,
        *,
        chunks: Chunks = ONE_BY_ONE,
    ) -> None:
        self._load_upscaler = load_upscaler
        self._options = workers
        self._chunks = chunks
        self._workers: list[_Worker] = []

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers; what they are at is dropped."""
        for worker in self._workers:
            worker.ask_to_end()
        for worker in self._workers:
            worker.end()
        self._workers = []

    def run(self, units: Units, report: UnitReporter) -> RunReport:
        """Carries out all units. One that fails is reported, and the others go on.

        Args:
            units: What is to be done.
            report: Receives events, from the caller's thread alone.

        Raises:
            RealesrError: A worker cannot load the network.
        """
        run = Shares(units, report, self._chunks)
        if not self._workers:
            self._workers = [
                self._start(device)
                for device in self._options.devices
                for _ in range(self._options.each)
            ]
        try:
            self._feed(run)
            while any(worker.is_busy for worker in self._workers):
                for connection in wait([each.connection for each in self._workers]):
                    worker = next(w for w in self._workers if w.connection is connection)
                    self._receive(run, worker)
                self._feed(run)
        except BaseException:  # Ctrl-C, or an error that concerns every unit
            for worker in self._workers:
                worker.ask_to_end()  # close() waits for them
            raise
        return RunReport(run.done, tuple(run.failed))

    def _feed(self, run: Shares) -> None:
        """Gives units to workers that have none."""
        for worker in self._workers:
            if run.waiting and not worker.is_busy:
                worker.give(run.take(len(self._workers)))

    def _receive(self, run: Shares, worker: _Worker) -> None:
        try:
            number, event = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(run, worker)
            return
        if isinstance(event, Refusal):
            raise event.error
        run.on_event(worker.assigned, number, event)

    def _replace(self, run: Shares, worker: _Worker) -> None:
        code = worker.end()
        run.give_back(worker.assigned, WorkerDiedError(f"a worker process died ({_cause(code)})"))
        self._workers[self._workers.index(worker)] = self._start(worker.device)

    def _start(self, device: str) -> _Worker:
        return _Worker(device, self._load_upscaler, self._options)


class _Worker:
    """A process, seen from the one that has started it.

    Args:
        device: Its device.
        load_upscaler: Loads the network.
        options: All workers.
    """

    def __init__(
        self,
        device: str,
        load_upscaler: Callable[[UpscaleOptions], ImageUpscaler],
        options: WorkerOptions,
    ) -> None:
        context = multiprocessing.get_context("spawn")  # threads and CUDA do not survive a fork
        self.device = device
        self._options = options
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, load_upscaler), name="realesr-worker", daemon=True
        )
        self.process.start()
        theirs.close()  # so that the end of either process closes the pipe
        self.assigned: dict[int, WorkUnit] = {}

    @property
    def is_busy(self) -> bool:
        """Whether it has units that have not ended."""
        return bool(self.assigned)

    def give(self, units: dict[int, WorkUnit]) -> None:
        """Hands units over, by their numbers."""
        self.assigned = dict(units)
        theirs = {
            number: replace(unit, options=worker_options(unit.options, self.device, self._options))
            for number, unit in units.items()
        }
        with suppress(OSError):  # it has died, which its silence will tell
            self.connection.send(theirs)

    def ask_to_end(self) -> None:
        """Lets the process drop its work and end."""
        self.connection.close()
        if self.process.is_alive():
            self.process.terminate()

    def end(self) -> int | None:
        """Waits for the end of the process, and forces it after a while; returns its exit code."""
        self.ask_to_end()
        self.process.join(END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return self.process.exitcode


def _work(connection: Connection, load_upscaler: Callable[[UpscaleOptions], ImageUpscaler]) -> None:
    """The life of a worker: it carries out units until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process decides
    signal.signal(signal.SIGTERM, _interrupt)
    executor = LocalExecutor(
        loaded_once(load_upscaler, lambda refusal: connection.send((0, refusal)))
    )
    # A SIGTERM may come while the end of the pipe is handled.
    with suppress(KeyboardInterrupt), suppress(EOFError, OSError):
        while True:
            units: dict[int, WorkUnit] = connection.recv()
            numbers = {id(unit): number for number, unit in units.items()}

            def send(unit: WorkUnit, event: Event, numbers: dict[int, int] = numbers) -> None:
                connection.send((numbers[id(unit)], portable(event)))

            executor.run(tuple(units.values()), send)
    os._exit(0)  # threads of libraries must not hold it up


def _interrupt(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}; the system may have run out of memory"
    return f"exit code {code}"
