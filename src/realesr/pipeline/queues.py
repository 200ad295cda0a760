"""Reading ahead and writing behind: a thread each, and queues of a bounded number of bytes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from realesr.media.frames import Frame, FrameSink, FrameSource

QUEUE_BYTES = 128 * 2**20
"""Size above which a queue takes no more frames, bytes; an empty queue takes any frame."""


class _AbandonedError(Exception):
    """Leaves a sink without a result."""


class _End:
    """Something that happens once, and that one thread waits for."""

    def __init__(self) -> None:
        self._has_come = False
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Declares that it has happened."""
        self._has_come = True
        self._wakes.put(None)

    def wait(self) -> None:
        """Waits until it has happened; it may be waited for again after an interruption."""
        while not self._has_come:
            self._wakes.get()


class _Queue:
    """A queue of frames from one thread to another, bounded by bytes.

    It consists of :class:`queue.SimpleQueue`, whose operations are atomic, and has no lock of its
    own. A signal may raise KeyboardInterrupt in the main thread at any time, also after
    ``Condition.__enter__`` has taken its lock and before the ``with`` statement knows of it. The
    lock is then never released, the other thread waits for it for ever, and so does the main thread
    for the other one. With contention half of all signals did so.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._taken: queue.SimpleQueue[int] = queue.SimpleQueue()
        """Sizes of frames that were taken; they wake the writer of the queue."""
        self._waiting_bytes = 0  # as far as the writer of the queue knows
        self._is_ended = False  # as far as the reader of the queue knows
        self._is_abandoned = False

    @property
    def is_abandoned(self) -> bool:
        """Whether the reader of the queue has stopped."""
        return self._is_abandoned

    def put(self, frame: Frame) -> bool:
        """Waits for room and adds a frame; returns False if the reader has stopped."""
        while not self._is_abandoned:
            is_full = self._waiting_bytes >= self._max_bytes and self._waiting_bytes > 0
            if not is_full and self._taken.empty():
                self._waiting_bytes += _bytes_of(frame)
                self._frames.put(frame)
                return not self._is_abandoned
            self._waiting_bytes -= self._taken.get()
        return False

    def get(self) -> Frame | None:
        """Waits for a frame; returns None after the last one, or if the queue was abandoned."""
        if self._is_ended or self._is_abandoned:
            return None
        frame = self._frames.get()
        if frame is None or self._is_abandoned:
            self._is_ended = True
            return None
        self._taken.put(_bytes_of(frame))
        return frame

    def has_more(self) -> bool:
        """Whether a frame, or the end, can be taken without waiting."""
        return not (self._is_ended or self._is_abandoned or self._frames.empty())

    def end(self) -> None:
        """Declares that no frame will follow."""
        self._frames.put(None)

    def abandon(self) -> None:
        """Makes both sides stop."""
        self._is_abandoned = True
        with suppress(queue.Empty):
            while True:
                self._frames.get_nowait()  # frees the memory
        self._frames.put(None)
        self._taken.put(0)


def _start(work: Callable[[], None], name: str, ended: _End) -> None:
    """Starts a thread that declares its end.

    ``Thread.join`` would not do: up to Python 3.12, a thread whose join was interrupted by a signal
    counts as ended, although it still runs, and a second join returns at once. The command would
    then exit before a partial file is removed.
    """

    def run() -> None:
        try:
            work()
        finally:
            ended.set()

    threading.Thread(target=run, name=name, daemon=True).start()


class ReadAhead:
    """Reads a source in a thread of its own, from the moment it is made.

    Args:
        source: What is read; the thread opens and closes it.
        max_bytes: How much may lie waiting, bytes.
    """

    def __init__(self, source: FrameSource, *, max_bytes: int = QUEUE_BYTES) -> None:
        self.source = source
        self.reading_s = 0.0
        """Time that the source took to produce frames, s."""
        self.waiting_s = 0.0
        """Time that the caller waited for frames, s."""
        self._queue = _Queue(max_bytes)
        self._error: BaseException | None = None
        self._ended = _End()
        _start(self._read, "reader", self._ended)

    def close(self) -> None:
        """Stops reading, and waits until the source is closed."""
        self._queue.abandon()
        self.source.abort()
        self._ended.wait()

    def batches(self, most: int) -> Iterator[list[Frame]]:
        """Yields frames in order, in lists of at most ``most``; waits for the first of a list only.

        Raises:
            Exception: What the source has raised, after the frames before it.
        """
        while (frame := self._next()) is not None:
            batch = [frame]
            while len(batch) < most and self._queue.has_more():
                following = self._queue.get()
                if following is not None:
                    batch.append(following)
            yield batch
        self._ended.wait()
        if self._error is not None:
            raise self._error

    def _next(self) -> Frame | None:
        started = time.perf_counter()
        frame = self._queue.get()
        self.waiting_s += time.perf_counter() - started
        return frame

    def _read(self) -> None:
        try:
            with self.source:
                started = time.perf_counter()
                for frame in self.source:
                    self.reading_s += time.perf_counter() - started
                    if not self._queue.put(frame):
                        return
                    started = time.perf_counter()
                self.reading_s += time.perf_counter() - started
        except BaseException as error:  # is raised in the thread that asks for frames
            self._error = error
        finally:
            self._queue.end()


class WriteBehind:
    """Writes into a sink in a thread of its own.

    Args:
        sink: Where frames go; the thread opens and closes it.
        max_bytes: How much may lie waiting, bytes.
    """

    def __init__(self, sink: FrameSink, *, max_bytes: int = QUEUE_BYTES) -> None:
        self.writing_s = 0.0
        """Time that the sink took, s."""
        self.waiting_s = 0.0
        """Time that the caller waited for room, s."""
        self.ended_at = 0.0
        """Time at which the output was complete, by :func:`time.perf_counter`, s."""
        self._sink = sink
        self._queue = _Queue(max_bytes)
        self._error: BaseException | None = None
        self._ended = _End()
        _start(self._write, "writer", self._ended)

    def put(self, frame: Frame) -> None:
        """Hands a frame to the writer.

        Raises:
            Exception: What the sink has raised at an earlier one.
        """
        started = time.perf_counter()
        is_wanted = self._queue.put(frame)
        self.waiting_s += time.perf_counter() - started
        if not is_wanted:
            self.finish()

    def end(self) -> None:
        """Declares that no frame will follow."""
        self._queue.end()

    def finish(self) -> None:
        """Waits until the output is complete.

        Raises:
            Exception: What the sink has raised.
        """
        self._queue.end()
        self._ended.wait()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Closes the sink without an output, and waits for that."""
        self._queue.abandon()
        self._sink.abort()
        self._ended.wait()

    def _write(self) -> None:
        try:
            with self._sink:
                while (frame := self._queue.get()) is not None:
                    started = time.perf_counter()
                    self._sink.write(frame)
                    self.writing_s += time.perf_counter() - started
                if self._queue.is_abandoned:
                    raise _AbandonedError
                started = time.perf_counter()
            self.writing_s += time.perf_counter() - started
        except _AbandonedError:
            pass
        except BaseException as error:  # is raised in the thread that hands frames over
            self._error = error
            self._queue.abandon()
        self.ended_at = time.perf_counter()


def _bytes_of(frame: Frame) -> int:
    image = frame.image
    return image.pixels.nbytes + (0 if image.alpha is None else image.alpha.nbytes)
