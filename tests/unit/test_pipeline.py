import threading
import time

import numpy as np
import pytest

from realesr import pipeline
from realesr.imaging.image import Image
from realesr.media.decode import read_image
from realesr.media.images import ImageSink, ImageSource, Pictures
from realesr.options import FileOptions, Target
from realesr.plan import make_plan
from realesr.progress import Outcome

from support.networks import random_image
from support.pictures import write_image


class Recorder:
    """Every event, with the thread that told it."""

    def __init__(self):
        self.events = []
        self.threads = set()

    def _add(self, *event):
        self.events.append(event)
        self.threads.add(threading.current_thread())

    def started(self, source, job, jobs):
        self._add("started", source.name)

    def tile_done(self, done, total):
        self._add("tile")

    def frame_done(self, done, expected):
        self._add("frame", done, expected)

    def noticed(self, source, notice):
        self._add("noticed", source.name, notice)

    def finished(self, outcome: Outcome):
        self._add("finished", outcome.source.name)

    def failed(self, source, error):
        self._add("failed", source.name)


class Enlarger:
    """Keeps pictures as they are, and does something meanwhile."""

    scale = 1
    batch = 1

    def __init__(self, meanwhile=lambda image: None):
        self.meanwhile = meanwhile

    def to_sizes(self, images, size, *, on_tile=None, notify=None):
        for image in images:
            self.meanwhile(image)
        return images


def run(folder, enlarger):
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", suffix=""))
    recorder = Recorder()
    report = pipeline.run(plan, enlarger, Pictures(), target=Target(), reporter=recorder)
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
    report, recorder = run(folder, Enlarger())
    ends = [event for event in recorder.events if event[0] in ("finished", "failed")]
    assert ends == [
        ("finished", "0.png"),
        ("finished", "1.png"),
        ("failed", "2.png"),
        ("finished", "3.png"),
        ("finished", "4.png"),
    ]
    assert [job.source.name for job in report.failed] == ["2.png"]
    assert recorder.threads == {threading.current_thread()}
    for number in (0, 1, 3, 4):
        assert (
            read_image(folder / f"out/{number}.png").pixels == random_image(8 + number, 6).pixels
        ).all()


def test_the_next_input_is_read_while_a_picture_is_enlarged(folder, monkeypatch):
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
    report, _ = run(folder, Enlarger(wait_for_the_next))
    assert not report.failed


@pytest.mark.parametrize("is_large", [False, True])
def test_an_output_is_written_while_the_next_picture_is_enlarged(folder, monkeypatch, is_large):
    """Unless it is large: then two results would lie in memory."""
    if is_large:
        monkeypatch.setattr(pipeline, "MAX_OVERLAPPED_PIXELS", 10)
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
    report, _ = run(folder, Enlarger(look))
    assert not report.failed
    assert any(overlaps) is not is_large


def test_an_interruption_lets_the_write_end_and_leaves_nothing_partial(folder):
    def interrupt(image):
        if image.size.width == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, Enlarger(interrupt))
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["0.png", "1.png"]


def test_notices_belong_to_their_picture(folder):
    image = Image(np.zeros((4, 4, 3), np.uint8), alpha=np.zeros((4, 4), np.uint8))
    write_image(folder / "in/1.png", image)
    plan = make_plan(FileOptions(inputs=(folder / "in",), output=folder / "out", ext="jpg"))
    recorder = Recorder()
    pipeline.run(plan, Enlarger(), Pictures(), target=Target(), reporter=recorder)
    (notice,) = (event for event in recorder.events if event[0] == "noticed")
    assert notice[1] == "1.png"
