"""Work in several processes."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from realesr.errors import InvalidOptionError, RealesrError
from realesr.imaging.image import Image
from realesr.media.images.files import ImageFiles
from realesr.options import FileOptions, UpscaleOptions, WorkerOptions
from realesr.pipeline.executors.processes import ProcessExecutor, WorkerDiedError, worker_options
from realesr.pipeline.executors.shares import Chunks
from realesr.pipeline.units import units_of
from realesr.plan import make_plan
from realesr.progress import Failed, Finished, Started

from support.images import write_image
from support.workers import load, refuse

TWO = WorkerOptions(devices=("cpu",), each=2)


def running_workers():
    return [p for p in psutil.Process().children() if "spawn_main" in str(p.cmdline())]


def units(folder, names):
    (folder / "in").mkdir()
    for name in names:
        write_image(folder / "in" / f"{name}.png", Image(np.zeros((5, 4, 3), np.uint8)))
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", suffix=""))
    return tuple(units_of(plan, UpscaleOptions(model_name="nearest"), ImageFiles()))


def run(folder, names, chunk):
    events = []
    with ProcessExecutor(partial(load, folder), TWO, chunks=Chunks.of(chunk)) as executor:
        todo = units(folder, names)
        report = executor.run(todo, lambda unit, event: events.append((unit, event)))
    return todo, events, report


@pytest.mark.parametrize("chunk", [1, 3])
def test_every_unit_is_done_once_and_told_as_its_own(tmp_path, chunk):
    todo, events, report = run(tmp_path, [f"n{i}" for i in range(7)], chunk=chunk)
    finished = [unit for unit, event in events if isinstance(event, Finished)]
    assert sorted(map(todo.index, finished)) == list(range(7))
    assert report.done == 7
    assert not report.failed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"n{i}.png" for i in range(7)
    ]
    started = [event for _, event in events if isinstance(event, Started)]
    assert [(event.job, event.jobs) for event in started] == [(n, 7) for n in range(1, 8)]
    for unit, event in events:
        path = event.outcome.source if isinstance(event, Finished) else event.source
        assert path == unit.job.source


def test_an_image_that_fails_fails_alone_in_its_words(tmp_path):
    _, events, report = run(tmp_path, ["a", "b", "strange", "z"], chunk=2)
    assert [unit.job.source.stem for unit in report.failed] == ["strange"]
    assert report.done == 3
    (failed,) = [event for _, event in events if isinstance(event, Failed)]
    assert str(failed.error) == "StrangeError: 1 and 2"


def test_a_worker_that_dies_is_replaced_once(tmp_path):
    _, events, report = run(tmp_path, ["a", "b", "deadly", "moody", "y", "z"], chunk=2)
    assert [unit.job.source.stem for unit in report.failed] == ["deadly"]
    done = [unit.job.source.stem for unit, event in events if isinstance(event, Finished)]
    assert sorted(done) == ["a", "b", "moody", "y", "z"]
    assert report.done == 5
    (failed,) = [event for _, event in events if isinstance(event, Failed)]
    assert isinstance(failed.error, WorkerDiedError)
    assert "killed by SIGKILL" in str(failed.error)
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == [
        *("a.png", "b.png", "moody.png", "y.png", "z.png")
    ]


def test_a_network_that_cannot_be_loaded_ends_the_run(tmp_path):
    with (
        ProcessExecutor(refuse, TWO) as executor,
        pytest.raises(RealesrError, match="these weights are damaged"),
    ):
        executor.run(units(tmp_path, ["a", "b"]), lambda unit, event: None)
    assert not running_workers()


def test_an_interruption_ends_the_workers(tmp_path):
    def interrupt(unit, event):
        raise KeyboardInterrupt

    started = time.monotonic()
    with (
        ProcessExecutor(partial(load, tmp_path), TWO) as executor,
        pytest.raises(KeyboardInterrupt),
    ):
        executor.run(units(tmp_path, ["a", "b", "c"]), interrupt)
    assert not running_workers()
    assert time.monotonic() - started < 10
    assert not list(Path(tmp_path / "out").glob(".*"))


def test_workers_share_the_machine(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    options = UpscaleOptions()
    shared = worker_options(options, "cuda:1", WorkerOptions(devices=("cuda:0", "cuda:1"), each=2))
    assert (shared.device, shared.threads, shared.sharers) == ("cuda:1", 3, 2)
    asked = worker_options(UpscaleOptions(threads=5), "cpu", TWO)
    assert (asked.threads, asked.sharers) == (5, 2)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"each": 0}, "must be at least 1"),
        ({"each": 1000}, "at most 256"),
        ({"devices": ("cuda:0", "cuda:0")}, "names one twice"),
    ],
)
def test_impossible_numbers_are_refused(values, words):
    with pytest.raises(InvalidOptionError, match=words):
        WorkerOptions(**values)
