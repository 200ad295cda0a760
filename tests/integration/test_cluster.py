"""Work on a real Ray cluster of two nodes, which run on this machine."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from realesr.cli.main import main
from realesr.errors import RealesrError
from realesr.imaging.image import Image
from realesr.media.images.files import ImageFiles
from realesr.options import ClusterOptions, FileOptions, UpscaleOptions
from realesr.pipeline.executors.base import of_jobs
from realesr.pipeline.executors.cluster import IN_FLIGHT, ClusterExecutor
from realesr.pipeline.executors.shares import Chunks
from realesr.pipeline.units import units_of
from realesr.plan import make_plan
from realesr.progress import Failed, Finished

from support.clips import GRADUAL, TONE, make_clip
from support.cluster import load_reading, load_slow, refuse
from support.images import write_image

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

CHUNK = 4
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
TESTS = Path(__file__).parents[1]
LIVELY = "testsrc2=size=64x48:rate=24:duration=2,noise=alls=40:allf=t"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of two nodes with a CPU each."""
    changes = pytest.MonkeyPatch()
    cache = tmp_path_factory.mktemp("cache")
    changes.setenv("XDG_CACHE_HOME", str(cache))
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent / "src"), *sys.path])
    changes.setenv("PYTHONPATH", paths)
    import ray
    from ray.cluster_utils import Cluster

    made = patiently(
        lambda: Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    )
    patiently(lambda: made.add_node(**NODE))
    made.cache = cache
    yield made
    ray.shutdown()
    made.shutdown()
    changes.undo()


def patiently(start):
    """Starts something of Ray's, which has 30 s for that whatever else the machine does."""
    for _ in range(4):
        try:
            return start()
        except Exception as reason:
            error = reason
    raise error


def units(folder, names):
    (folder / "in").mkdir()
    for number, name in enumerate(names):
        image = Image(np.full((5, 4, 3), number % 256, np.uint8))
        write_image(folder / "in" / f"{name}.png", image)
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", suffix=""))
    return tuple(units_of(plan, UpscaleOptions(model_name="nearest"), ImageFiles()))


def hashes(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
    }


def run(cluster, folder, names, seconds=0.0, disturb=None):
    """Carries out units; ``disturb`` is called once, after some have ended."""
    todo, events, lost = units(folder, names), [], []
    notes = folder / "notes"
    notes.touch()

    def report(unit, event):
        events.append(event)
        ended = sum(isinstance(each, Finished) for each in events)
        if disturb is not None and ended == 6 and isinstance(event, Finished):
            disturb(executor)

    load = partial(load_slow, notes, seconds)
    options = ClusterOptions(address=cluster.address)
    with ClusterExecutor(load, options, chunks=Chunks.of(CHUNK), notify=lost.append) as executor:
        done = executor.run(todo, report)
    computed = [line.split() for line in notes.read_text().splitlines()]
    return todo, events, done, computed, [notice.code for notice in lost]


def finished(events):
    """Names of the images that were told to be done, each as often as that."""
    return sorted(event.outcome.source.stem for event in events if isinstance(event, Finished))


def reference(folder, names):
    """What one process makes of the same images."""
    from realesr.engine.interpolation import Interpolator
    from realesr.pipeline.executors.local import LocalExecutor

    folder.mkdir()
    todo = units(folder, names)
    LocalExecutor(lambda options: Interpolator("nearest")).run(todo, of_jobs(lambda event: None))
    return hashes(folder / "out")


def log(kind, names, computed, folder):
    """Adds to the log of faults, if there is one."""
    place = os.environ.get("REALESR_FAULT_LOG")
    if place is not None:
        both = json.dumps(hashes(folder / "out"), sort_keys=True).encode()
        line = {
            "fault": kind,
            "units": len(names),
            "computed": len(computed),
            "processes": len({pid for _, pid in computed}),
            "sha256": hashlib.sha256(both).hexdigest(),
        }
        with Path(place).open("a") as file:
            file.write(json.dumps(line) + "\n")


@pytest.mark.slow
def test_images_are_shared_and_faults_stay_alone(cluster, tmp_path):
    names = [f"n{i:02}" for i in range(9)] + ["deadly"]
    todo, events, done, computed, lost = run(cluster, tmp_path, names)
    assert {unit.job.source.stem for unit in done.failed} == {"deadly"}
    assert [*finished(events), "deadly"] == names
    assert done.done == len(todo) - 1
    expected = reference(tmp_path / "one", names[:-1])
    assert hashes(tmp_path / "out").keys() == expected.keys()
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert "a worker died on" in str(failed.error)
    assert sum(name == "deadly.png" for name, _ in computed) == 2
    assert lost == ["worker-lost"] * 2


@pytest.mark.slow
def test_weights_that_cannot_be_loaded_end_the_run(cluster, tmp_path):
    options = ClusterOptions(address=cluster.address)
    with (
        ClusterExecutor(refuse, options) as executor,
        pytest.raises(RealesrError, match="these weights are damaged"),
    ):
        executor.run(units(tmp_path, ["a", "b"]), lambda unit, event: None)


def test_weights_travel_to_where_they_are_not(cluster, tmp_path):
    path, notes = tmp_path / "model.pth", tmp_path / "notes"
    path.write_text("weights")
    options = ClusterOptions(address=cluster.address)
    load = partial(load_reading, path, notes)
    with ClusterExecutor(load, options, weights=[path]) as executor:
        executor._files = (executor._travelling(path),)
        path.unlink()  # as on a node that never had it
        done = executor.run(units(tmp_path, ["a", "b", "c"]), lambda unit, event: None)
    assert done.done == 3
    places = {line.split()[0] for line in notes.read_text().splitlines()}
    assert len(places) == 1  # both nodes have one cache here
    assert Path(places.pop()).is_relative_to(cluster.cache)


def kill_worker(cluster, executor):
    os.kill(next(each.hello.pid for each in executor._workers if each.calls), signal.SIGKILL)


def remove_node(cluster, executor):
    busy = {psutil.Process(each.hello.pid).ppid() for each in executor._workers if each.calls}
    raylets = {each: each.all_processes["raylet"][0].process.pid for each in cluster.worker_nodes}
    node = next(each for each, pid in raylets.items() if pid in busy)
    cluster.remove_node(node, allow_graceful=False)


def add_node(cluster, executor):
    patiently(lambda: cluster.add_node(**NODE))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("disturb", "losses"), [(None, 0), (kill_worker, 1), (add_node, 0), (remove_node, 1)]
)
def test_no_fault_loses_a_unit_or_changes_a_bit(cluster, tmp_path, disturb, losses):
    names = [f"n{i:03}" for i in range(60)]
    act = None if disturb is None else partial(disturb, cluster)
    todo, events, done, computed, lost = run(cluster, tmp_path, names, 0.4, act)
    log(disturb.__name__ if disturb else "none", names, computed, tmp_path)
    assert finished(events) == names
    assert done.done == len(todo)
    assert hashes(tmp_path / "out") == reference(tmp_path / "one", names)
    assert len(names) <= len(computed) <= len(names) + losses * IN_FLIGHT * CHUNK
    assert lost == ["worker-lost"] * losses
    processes = len({pid for _, pid in computed})
    if disturb is add_node:
        assert processes >= 3
    assert processes >= 2


def frames(path):
    with av.open(str(path)) as container:
        return [(f.pts, f.to_ndarray().tobytes()) for f in container.decode(video=0)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"), [("there", "here"), ("there", "there"), ("here", "there")]
)
def test_a_killed_command_goes_on_here_or_there(cluster, tmp_path, monkeypatch, first, second):
    monkeypatch.chdir(tmp_path)
    codec = (*GRADUAL[:2], "-g", "4", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac")
    make_clip(tmp_path / "in.mkv", *codec, image=LIVELY, tone=TONE)
    command = ["video", "in.mkv", "-n", "nearest", "-s", "1", "--codec", "ffv1"]
    place = {"here": [], "there": ["--cluster", cluster.address]}
    assert main([*command, "-o", "whole.mkv"]) == 0
    arguments = [*command, "-o", "out.mkv", "--piece-frames", "4", "--keep-pieces"]
    process = subprocess.Popen(
        [sys.executable, "-m", "realesr", *arguments, *place[first]], stderr=subprocess.PIPE
    )
    kept = wait_for_pieces(tmp_path / ".out.mkv.realesr", process)
    process.kill()
    process.communicate()
    assert not Path("out.mkv").exists()
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert main([*arguments, *place[second]]) == 0
    assert frames("out.mkv") == frames("whole.mkv")
    assert {path: path.stat().st_mtime_ns for path in before} == before  # not made again
    log_killed_command(first, second, kept)


def log_killed_command(first, second, kept):
    place = os.environ.get("REALESR_FAULT_LOG")
    if place is not None:
        pixels = hashlib.sha256(b"".join(data for _, data in frames("out.mkv"))).hexdigest()
        line = {"fault": f"command killed {first}, goes on {second}", "kept": len(kept)}
        with Path(place).open("a") as file:
            file.write(json.dumps({**line, "sha256": pixels}) + "\n")


def wait_for_pieces(folder, process, count=3):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        manifest = folder / "manifest.json"
        if manifest.exists():
            known = json.loads(manifest.read_text())["pieces"]
            if len(known) >= count:
                return [folder / f"{int(index):06}.mkv" for index in known]
        time.sleep(0.02)
    raise AssertionError(f"no pieces: {process.returncode} {process.stderr.read()}")
