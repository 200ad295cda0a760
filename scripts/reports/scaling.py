"""Measures what the distribution of work costs, and simulates larger clusters from the figures.

    python scripts/reports/scaling.py measure     # Ray on this machine, an engine that sleeps
    python scripts/reports/scaling.py listing     # time and memory of a folder of many names
    python scripts/reports/scaling.py simulate --event-ms 0.5 --chunk-ms 2

Only times that pass while an engine sleeps are measured, so that scheduling counts and not cores.
"""

from __future__ import annotations

import argparse
import heapq
import json
import resource
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

PIXELS = (5, 4, 3)


class Sleeper:
    """An engine that sleeps for each image."""

    scale, batch_size, preroll = 4, 1, 0

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def session(self, source: Path, *, is_video: bool) -> Sleeper:
        """Returns itself."""
        return self

    def upscale_to(self, images: Any, size: Any, **options: Any) -> Any:
        """Sleeps, and upscales."""
        from realesr.engine.interpolation import Interpolator

        time.sleep(self._seconds * len(images))
        return Interpolator("nearest").upscale_to(images, size, **options)


def load_sleeper(seconds: float, locate: Any, options: Any) -> Sleeper:
    return Sleeper(seconds)


def make_units(folder: Path, count: int) -> Any:
    import cv2
    import numpy as np

    from realesr.media.images.files import ImageFiles
    from realesr.options import FileOptions, UpscaleOptions
    from realesr.pipeline.units import units_of
    from realesr.plan import make_plan

    (folder / "in").mkdir()
    for number in range(count):
        pixels = np.full(PIXELS, number % 256, np.uint8)
        cv2.imwrite(str(folder / "in" / f"{number:05}.png"), pixels)
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out"))
    return tuple(units_of(plan, UpscaleOptions(model_name="nearest"), ImageFiles()))


def measure(args: argparse.Namespace) -> None:
    """Prints every run, and the best one of each number of workers; these take turns."""
    import os

    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    best: dict[int, dict[str, Any]] = {}
    for _ in range(args.rounds):
        for workers in args.workers:
            found = measure_once(workers, args.units, args.seconds, args.chunk)
            found["load"] = round(os.getloadavg()[0], 1)
            print(json.dumps(found), flush=True)
            if workers not in best or found["seconds"] < best[workers]["seconds"]:
                best[workers] = found
    print("best:", *map(json.dumps, best.values()), sep="\n")


def measure_once(workers: int, units: int, seconds: float, chunk: int) -> dict[str, Any]:
    import ray

    from realesr.options import ClusterOptions
    from realesr.pipeline.executors.cluster import ClusterExecutor
    from realesr.pipeline.executors.shares import Chunks

    # Places, not cores: sleeping needs none.
    ray.init(
        address="local",
        num_cpus=workers,
        object_store_memory=100 << 20,
        include_dashboard=False,
        logging_level="ERROR",
        log_to_driver=False,
    )
    with tempfile.TemporaryDirectory() as name:
        todo = make_units(Path(name), units)
        options = ClusterOptions(address="auto", each=workers)
        load = partial(load_sleeper, seconds)
        with ClusterExecutor(load, options, chunks=Chunks.of(chunk)) as executor:
            executor.run(todo[: 4 * workers], lambda unit, event: None)  # warms up
            while sum(worker.is_ready for worker in executor._workers) < workers:
                executor.run(todo[: 4 * workers], lambda unit, event: None)
            started = time.perf_counter()
            driver = time.thread_time()
            executor.run(todo, lambda unit, event: None)
            took = time.perf_counter() - started
            driver = time.thread_time() - driver
    ray.shutdown()
    ideal = units * seconds / workers
    return {
        "workers": workers,
        "units": units,
        "sleep_s": seconds,
        "seconds": round(took, 2),
        "ideal_s": round(ideal, 2),
        "efficiency": round(ideal / took, 3),
        "overhead_ms_of_unit": round(1000 * (took - ideal) * workers / units, 1),
        "driver_cpu_ms_of_unit": round(1000 * driver / units, 2),
    }


def listing(args: argparse.Namespace) -> None:
    """Plans a folder of names that nobody has written: the entries are made up."""
    import os
    from unittest.mock import patch

    from realesr.options import FileOptions
    from realesr.plan import make_plan

    class Entry:
        __slots__ = ("name", "path")

        def __init__(self, folder: str, name: str) -> None:
            self.name, self.path = name, f"{folder}/{name}"

        def is_symlink(self) -> bool:
            return False

        def is_file(self, *, follow_symlinks: bool = True) -> bool:
            return True

        def is_dir(self, *, follow_symlinks: bool = True) -> bool:
            return False

    class Listing:
        def __init__(self, folder: Any) -> None:
            self._folder = str(folder)

        def __enter__(self) -> Any:
            return (Entry(self._folder, f"scan_{n:08}.png") for n in range(args.names))

        def __exit__(self, *_: object) -> None:
            return

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as name, patch.object(os, "scandir", Listing):
        started = time.perf_counter()
        files = FileOptions(
            inputs=(Path(name),),
            output=Path(name) / "out",
            shard=args.shard,
            suffix="" if args.existing else "out",
            skip_existing=args.existing,
        )
        before_plan = time.process_time()
        plan = make_plan(files)
        seconds, cpu = time.perf_counter() - started, time.process_time() - before_plan
        jobs = sum(1 for _ in plan.jobs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        "names": args.names,
        "shard": args.shard,
        "jobs": jobs,
        "existing": len(plan.existing),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "more_memory_mib": round((peak - before) / 1024),
    }
    print(json.dumps(found))


@dataclass(frozen=True)
class Cost:
    """What the command pays, s: for an event, for a chunk, and for the header of a file in it."""

    event_s: float
    chunk_s: float
    file_s: float = 0.0
    events_of_file: int = 2


def simulate_run(
    workers: int, files: int, seconds: float, chunk: int, cost: Cost, storage: float
) -> float:
    """Returns how long a run takes, s: one command serves all workers, one event at a time.

    Args:
        workers: Number of workers, each with two chunks.
        files: Number of files.
        seconds: Work on a file, s.
        chunk: Files in a chunk.
        cost: What the command pays.
        storage: Files that the storage reads and writes in a second, all together.
    """
    left, now = files, 0.0
    queued: list[deque[int]] = [deque() for _ in range(workers)]
    ends: list[tuple[float, int, int]] = []
    storage_free = 0.0

    def begin(worker: int, at: float) -> None:
        nonlocal storage_free
        count = queued[worker][0]
        storage_free = max(storage_free, at) + count / storage
        heapq.heappush(ends, (max(at + count * seconds, storage_free), worker, count))

    def give(worker: int) -> None:
        nonlocal left, now
        count = min(chunk, max(1, left // workers), left)
        left -= count
        now += cost.chunk_s + count * cost.file_s
        queued[worker].append(count)
        if len(queued[worker]) == 1:
            begin(worker, now)

    for _ in range(2):
        for worker in range(workers):
            if left:
                give(worker)
    last = now
    while ends:
        end, worker, count = heapq.heappop(ends)
        queued[worker].popleft()
        if queued[worker]:
            begin(worker, end)  # it does not wait for the command
        now = max(now, end) + count * cost.events_of_file * cost.event_s
        last = max(last, now)
        if left:
            give(worker)
    return last


def simulate(args: argparse.Namespace) -> None:
    cost = Cost(args.event_ms / 1000, args.chunk_ms / 1000, args.file_ms / 1000)
    print(f"{args.files} files, {args.seconds} s each, {args.storage:g} files/s of storage")
    print("| workers | chunk | hours | of ideal | files/s |\n|---|---|---|---|---|")
    for workers in (1, 10, 100, 300, 1000, 3000):
        for chunk in (8, 64):
            took = simulate_run(workers, args.files, args.seconds, chunk, cost, args.storage)
            ideal = args.files * args.seconds / workers
            print(
                f"| {workers} | {chunk} | {took / 3600:.2f} | {ideal / took:.0%} "
                f"| {args.files / took:.0f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    each = commands.add_parser("measure")
    each.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    each.add_argument("--rounds", type=int, default=3)
    each.add_argument("--units", type=int, default=64)
    each.add_argument("--chunk", type=int, default=8)
    each.add_argument("--seconds", type=float, default=0.25)
    each.set_defaults(run=measure)
    each = commands.add_parser("listing")
    each.add_argument("--names", type=int, default=1_000_000)
    each.add_argument("--existing", action="store_true", help="all outputs exist")
    each.add_argument("--shard", type=lambda text: tuple(map(int, text.split("/"))))
    each.set_defaults(run=listing)
    each = commands.add_parser("simulate")
    each.add_argument("--files", type=int, default=1_000_000)
    each.add_argument("--seconds", type=float, default=1.0)
    each.add_argument("--event-ms", type=float, required=True)
    each.add_argument("--chunk-ms", type=float, required=True)
    each.add_argument("--file-ms", type=float, default=0.0)
    each.add_argument("--storage", type=float, default=1e9)
    each.set_defaults(run=simulate)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
