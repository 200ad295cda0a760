import itertools
import signal
import threading
import time
from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest

from realesr.media.frames import Frame
from realesr.pipeline.queues import ReadAhead, WriteBehind

from support.networks import random_image

IMAGE = random_image(8, 6)
FRAME_BYTES = IMAGE.pixels.nbytes


def frames(count):
    return [Frame(index=i, image=IMAGE, pts=Fraction(i)) for i in range(count)]


class Source:
    """Counts what has been asked of it."""

    frame_count = None
    decode_errors = 0

    def __init__(self, count=5, error=None):
        self.given = 0
        self.is_open = False
        self._count = count
        self._error = error

    def __enter__(self):
        self.is_open = True
        return self

    def __exit__(self, *_):
        self.is_open = False

    def abort(self):
        pass

    def __iter__(self):
        for frame in frames(self._count):
            self.given += 1
            yield frame
        if self._error is not None:
            raise self._error


class Sink:
    """Remembers what it got, and how it was left."""

    def __init__(self, error_at=None, seconds=0.0):
        self.written = []
        self.left_with = "not left"
        self._error_at = error_at
        self._seconds = seconds

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.left_with = kind

    def abort(self):
        pass

    def write(self, frame):
        time.sleep(self._seconds)
        if frame.index == self._error_at:
            raise ZeroDivisionError("by design")
        self.written.append(frame.index)


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


def test_all_frames_come_in_order_and_the_source_is_closed():
    source = Source(7)
    with closing(ReadAhead(source)) as reading:
        indices = [frame.index for batch in reading.batches(3) for frame in batch]
    assert indices == list(range(7))
    assert not source.is_open


def test_batches_are_no_larger_than_asked_for_and_do_not_wait():
    with closing(ReadAhead(Source(7))) as reading:
        wait_until(lambda: reading.source.given == 7)
        time.sleep(0.01)
        assert [len(batch) for batch in reading.batches(3)] == [3, 3, 1]


def test_reading_stops_when_enough_lies_waiting():
    source = Source(100)
    with closing(ReadAhead(source, max_bytes=3 * FRAME_BYTES)):
        wait_until(lambda: source.given >= 4)
        time.sleep(0.02)
        assert source.given == 4  # three wait, and one is in the reader's hand
    assert not source.is_open
    assert source.given == 4


def test_an_error_comes_after_the_frames_before_it():
    seen = []
    with (
        pytest.raises(ZeroDivisionError),
        closing(ReadAhead(Source(2, ZeroDivisionError()))) as reading,
    ):
        for batch in reading.batches(1):
            seen += [frame.index for frame in batch]
    assert seen == [0, 1]


def test_all_frames_are_written_and_the_sink_is_left_in_peace():
    sink = Sink()
    writing = WriteBehind(sink)
    for frame in frames(5):
        writing.put(frame)
    writing.finish()
    assert sink.written == [0, 1, 2, 3, 4]
    assert sink.left_with is None
    assert threading.active_count() >= 1


def test_writing_holds_the_caller_up_when_enough_lies_waiting():
    sink = Sink(seconds=0.02)
    writing = WriteBehind(sink, max_bytes=FRAME_BYTES)
    for frame in frames(5):
        writing.put(frame)
        assert frame.index - len(sink.written) <= 2
    writing.finish()
    assert writing.waiting_s > 0
    assert writing.writing_s > 0.09


def test_an_error_of_the_sink_reaches_the_caller_and_ends_the_sink():
    sink = Sink(error_at=1)
    writing = WriteBehind(sink, max_bytes=FRAME_BYTES)
    with pytest.raises(ZeroDivisionError):
        for frame in frames(100):
            writing.put(frame)
    assert sink.left_with is ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        writing.finish()


def test_an_abandoned_sink_gets_no_clean_end():
    sink = Sink()
    writing = WriteBehind(sink)
    writing.put(frames(1)[0])
    writing.abandon()
    assert sink.left_with not in (None, "not left")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_an_interrupted_wait_is_no_end():
    """After Ctrl-C while an output is finished, abandoning waits until the sink is closed."""
    is_killed, closed = threading.Event(), []

    class Slow:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            is_killed.wait(10)  # as an encoder that has all frames
            time.sleep(0.3)
            closed.append(True)

        def write(self, frame):
            pass

        def abort(self):
            is_killed.set()

    def interrupt(*_):
        raise KeyboardInterrupt

    writing = WriteBehind(Slow())
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            writing.finish()
        writing.abandon()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert closed


class Endless(Source):
    """Gives the same frame for ever."""

    def __iter__(self):
        return itertools.repeat(frames(1)[0])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of the system")
def test_an_interruption_at_any_time_leaves_both_threads_able_to_end():
    """A lock that the interrupted thread had just taken would never be released."""
    random = np.random.default_rng(0)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(25):
            ahead, behind = ReadAhead(Endless(), max_bytes=3 * FRAME_BYTES), WriteBehind(Sink())
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(5e-4, 8e-3))
                for (frame,) in ahead.batches(1):
                    behind.put(frame)
            except KeyboardInterrupt:
                pass
            ends = threading.Thread(target=_end, args=(ahead, behind), daemon=True)
            ends.start()
            ends.join(20)
            assert not ends.is_alive()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _end(ahead, behind):
    ahead.close()
    behind.abandon()
