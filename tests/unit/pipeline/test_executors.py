import contextlib
import pickle
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from realesr.engine.interpolation import Interpolator
from realesr.imaging.image import Image
from realesr.media.frames import Frame
from realesr.media.images.decode import read_image
from realesr.media.images.files import ImageFiles, ImageSink, ImageSource
from realesr.options import FileOptions, Target, UpscaleOptions
from realesr.pipeline.executors import local
from realesr.pipeline.executors.base import of_jobs
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.units import Segment, WorkUnit, units_of
from realesr.plan import make_plan
from realesr.progress import Failed, Finished, FrameDone, Started, TileDone, Warned

from support.images import write_image
from support.networks import random_image
from support.running import run_in_process, run_plan


class Recorder:
    """Every event, with the thread that told it."""

    def __init__(self):
        self.events = []
        self.threads = set()

    def __call__(self, event):
        self.threads.add(threading.current_thread())
        match event:
            case Started(source):
                self.events.append(("started", source.name))
            case TileDone():
                self.events.append(("tile",))
            case FrameDone(_, done, expected):
                self.events.append(("frame", done, expected))
            case Warned(source, notice):
                self.events.append(("warned", source.name, notice))
            case Finished(outcome):
                self.events.append(("finished", outcome.source.name))
            case Failed(source, error):
                self.events.append(("failed", source.name))
                self.error = error


class ImageUpscaler:
    """Keeps images as they are, and does something meanwhile."""

    scale = 1

    def __init__(self, meanwhile=lambda image: None, *, batch_size=1):
        self.meanwhile = meanwhile
        self.batch_size = batch_size

    def session(self, source, *, is_video):
        return self

    def upscale_to(self, images, size, *, on_tile=None, notify=None):
        for image in images:
            self.meanwhile(image)
        return images


def run(folder, upscaler):
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", suffix=""))
    recorder = Recorder()
    report = run_plan(plan, lambda: upscaler, ImageFiles(), target=Target(), reporter=recorder)
    return report, recorder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(5):
        image = random_image(8 + number, 6)
        write_image(tmp_path / f"in/{number}.png", image)
    return tmp_path


def test_jobs_end_in_order_and_one_thread_tells(folder):
    (folder / "in/2.png").write_bytes(b"")
    report, recorder = run(folder, ImageUpscaler())
    ends = [event for event in recorder.events if event[0] in ("finished", "failed")]
    assert ends == [
        ("finished", "0.png"),
        ("finished", "1.png"),
        ("failed", "2.png"),
        ("finished", "3.png"),
        ("finished", "4.png"),
    ]
    assert [unit.job.source.name for unit in report.failed] == ["2.png"]
    assert recorder.threads == {threading.current_thread()}
    for number in (0, 1, 3, 4):
        assert (
            read_image(folder / f"out/{number}.png").pixels == random_image(8 + number, 6).pixels
        ).all()


def test_the_next_input_is_read_while_a_image_is_upscaled(folder, monkeypatch):
    read = []
    original = ImageSource.__iter__

    def remember(self):
        read.append(self._path.name)
        return original(self)

    def wait_for_the_next(image):
        number = image.size.width - 8
        deadline = time.monotonic() + 10
        while number < 4 and f"{number + 1}.png" not in read and time.monotonic() < deadline:
            time.sleep(0.001)
        assert number == 4 or f"{number + 1}.png" in read
        assert len(read) <= number + 2  # and no more than the next: memory stays flat

    monkeypatch.setattr(ImageSource, "__iter__", remember)
    report, _ = run(folder, ImageUpscaler(wait_for_the_next))
    assert not report.failed


@pytest.mark.parametrize("is_large", [False, True])
def test_an_output_is_written_while_the_next_image_is_upscaled(folder, monkeypatch, is_large):
    """Unless it is large: then two results would lie in memory."""
    if is_large:
        monkeypatch.setattr(local, "MAX_OVERLAPPED_PIXELS", 10)
    overlaps = []
    is_writing = threading.Event()
    write = ImageSink.write

    def slow(self, frame):
        is_writing.set()
        time.sleep(0.05)
        write(self, frame)
        is_writing.clear()

    def look(image):
        overlaps.append(is_writing.wait(0.02))

    monkeypatch.setattr(ImageSink, "write", slow)
    report, _ = run(folder, ImageUpscaler(look))
    assert not report.failed
    assert any(overlaps) is not is_large


def test_an_interruption_lets_the_write_end_and_leaves_nothing_partial(folder):
    def interrupt(image):
        if image.size.width == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, ImageUpscaler(interrupt))
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["0.png", "1.png"]


def test_notices_belong_to_their_image(folder):
    image = Image(np.zeros((4, 4, 3), np.uint8), alpha=np.zeros((4, 4), np.uint8))
    write_image(folder / "in/1.png", image)
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", ext="jpg"))
    recorder = Recorder()
    run_plan(plan, ImageUpscaler, ImageFiles(), target=Target(), reporter=recorder)
    (notice,) = (event for event in recorder.events if event[0] == "warned")
    assert notice[1] == "1.png"


def test_the_first_input_is_read_while_the_network_loads(folder, monkeypatch):
    reading = threading.Event()
    original = ImageSource.__enter__

    def enter(source):
        reading.set()
        return original(source)

    def load():
        assert reading.wait(10)
        return ImageUpscaler()

    monkeypatch.setattr(ImageSource, "__enter__", enter)
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", suffix=""))
    report = run_plan(plan, load, ImageFiles(), target=Target(), reporter=Recorder())
    assert report.done == 5


def test_standard_input_is_not_waited_for_when_the_network_cannot_be_loaded(tmp_path):
    class Endless(Video):
        def __enter__(self):
            raise AssertionError("read")

    def load():
        raise ValueError("damaged")

    plan = make_plan(FileOptions(inputs=(Path("-"),), output=tmp_path / "out.png"))
    with pytest.raises(ValueError, match="damaged"):
        run_plan(plan, load, Endless([1]), target=Target(), reporter=Recorder())


def test_a_network_that_cannot_be_loaded_ends_the_run(folder):
    def load():
        raise ValueError("damaged")

    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", suffix=""))
    with pytest.raises(ValueError, match="damaged"):
        run_plan(plan, load, ImageFiles(), target=Target(), reporter=Recorder())
    assert not list((folder / "out").glob("*"))
    assert [thread.name for thread in threading.enumerate()].count("reader") == 0


class Video(contextlib.AbstractContextManager):
    """A medium of one source and one sink, both lists of levels of gray."""

    frame_count, decode_errors = None, 0

    def __init__(self, levels):
        self.levels, self.written = levels, []

    def source(self, path, notify, segment=None, destination=None):
        return self

    def sink(self, path, target, source, notify, segment=None):
        return self

    def __exit__(self, *_):
        return None

    def __iter__(self):
        for index, level in enumerate(self.levels):
            yield Frame(index=index, image=Image(np.full((2, 3, 3), level, np.uint8)))

    def nearest_supported_size(self, size):
        return size

    def prepare(self, frame, size):
        return frame

    def write(self, frame):
        self.written.append(int(frame.image.pixels[0, 0, 0]))

    def abort(self):
        pass


@pytest.mark.parametrize("batch_size", [1, 2, 3, 20])
def test_frames_keep_their_order_and_equal_neighbors_are_computed_once(folder, batch_size):
    levels = [1, 1, 2, 3, 3, 3, 4, 5, 6, 6, 1, 7]
    seen = []

    class Late(ImageUpscaler):
        def upscale_to(self, images, size, *, on_tile=None, notify=None):
            notify(f"level {images[0].pixels[0, 0, 0]}")
            seen.extend(images)
            return [Image(image.pixels + 100) for image in images]

    video = Video(levels)
    plan = make_plan(FileOptions(inputs=(folder / "in/0.png",), output=folder / "out", suffix=""))
    recorder = Recorder()
    upscaler = Late(batch_size=batch_size)
    report = run_plan(plan, lambda: upscaler, video, target=Target(), reporter=recorder)
    assert report.done == 1, repr(recorder.error)
    assert video.written == [level + 100 for level in levels]
    assert len(seen) == 8
    notices = [event[2] for event in recorder.events if event[0] == "warned"]
    assert set(notices) <= {f"level {level}" for level in levels}
    assert recorder.threads == {threading.current_thread()}


def test_a_frame_that_fails_fails_its_video(folder):
    def fail(image):
        if image.pixels[0, 0, 0] == 5:
            raise ValueError("no")

    video = Video(range(10))
    plan = make_plan(FileOptions(inputs=(folder / "in/0.png",), output=folder / "out", suffix=""))
    recorder = Recorder()
    upscaler = ImageUpscaler(fail)
    report = run_plan(plan, lambda: upscaler, video, target=Target(), reporter=recorder)
    assert not report.done
    assert video.written == list(range(len(video.written)))
    assert str(recorder.error) == "no"


@pytest.mark.parametrize("segment", [None, Segment(index=2, start=Fraction(1, 3), frames=5)])
def test_units_cross_processes(folder, segment):
    plan = make_plan(FileOptions(inputs=(folder / "in/0.png",), output=folder / "out", suffix=""))
    options = UpscaleOptions(model_name="nearest", target=Target(outscale=2))
    (unit,) = units_of(plan, options, ImageFiles())
    unit = replace(unit, segment=segment)
    assert pickle.loads(pickle.dumps(unit)) == unit  # noqa: S301
    assert hash(unit) == hash(pickle.loads(pickle.dumps(unit)))  # noqa: S301


def test_a_unit_is_carried_out_in_another_process(folder):
    plan = make_plan(FileOptions(inputs=(folder / "in/0.png",), output=folder / "out", suffix=""))
    options = UpscaleOptions(model_name="nearest", target=Target(outscale=2))
    (unit,) = units_of(plan, options, ImageFiles())
    elsewhere = replace(unit, output=folder / "piece.png")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        events = pool.submit(run_in_process, elsewhere).result()
    assert [type(event) for event in events if not isinstance(event, TileDone)] == [
        Started,
        FrameDone,
        Finished,
    ]
    assert events[-1].outcome.destination == folder / "piece.png"
    assert read_image(folder / "piece.png").size == read_image(unit.job.source).size.scaled(2)
    assert not unit.job.destination.exists()


def test_units_may_differ_in_their_options(folder):
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", suffix=""))
    units = [
        WorkUnit(
            job=job,
            options=UpscaleOptions(model_name=name),
            media=ImageFiles(),
            output=job.destination,
        )
        for job, name in zip(plan.jobs[:2], ("nearest", "bicubic"), strict=True)
    ]
    loaded = []
    executor = LocalExecutor(
        lambda options: loaded.append(options.model_name) or Interpolator(options.model_name)
    )
    assert executor.run(units, of_jobs(Recorder())).done == 2
    assert loaded == ["nearest", "bicubic"]


class Grain(Video):
    """Frames of noise around one picture, 24x20 px; equal numbers give equal frames."""

    def __iter__(self):
        for index, number in enumerate(self.levels):
            noise = np.random.default_rng(number).integers(0, 6, (20, 24, 3))
            calm = np.kron(np.arange(30).reshape(5, 6, 1) * 6, np.ones((4, 4, 1)))
            yield Frame(index=index, image=Image((calm + noise).astype(np.uint8)))

    def write(self, frame):
        self.written.append(frame.image.pixels)


def steadied(folder, levels, batch_size=1):
    video, recorder = Grain(levels), Recorder()
    plan = make_plan(FileOptions(inputs=(folder / "in/0.png",), output=folder / "out", suffix=""))
    units = tuple(units_of(plan, UpscaleOptions(stabilize=True), video))
    upscaler = ImageUpscaler(batch_size=batch_size)
    LocalExecutor(lambda options: upscaler).run(units, of_jobs(recorder))
    return video.written, recorder


def test_steady_frames_do_not_depend_on_batches(folder):
    numbers = [1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 5, 6, 1, 7]
    one, _ = steadied(folder, numbers)
    assert len(one) == len(numbers)
    for size in (2, 5, 20):
        many, _ = steadied(folder, numbers, size)
        assert all((a == b).all() for a, b in zip(one, many, strict=True))
    plain = [frame.image.pixels for frame in Grain(numbers)]
    assert sum((a != b).any() for a, b in zip(one, plain, strict=True)) > 8


def test_a_single_frame_cannot_be_steadied(folder, monkeypatch):
    monkeypatch.setattr(Grain, "frame_count", 1)
    _, recorder = steadied(folder, [1])
    notices = [event[2] for event in recorder.events if event[0] == "warned"]
    assert [notice.code for notice in notices] == ["option-without-effect"]
