"""When something is recorded. What CUDA then does is not tested: that takes a GPU."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from realesr.engine.pytorch.graphs import (
    CAPTURE_AFTER,
    MAX_COUNTED_SHAPES,
    MAX_GRAPHS,
    CudaGraphRunner,
    can_record,
)


class Recorder:
    """Records by remembering the network; counts."""

    def __init__(self, error=None):
        self.shapes, self.replays, self.error = [], 0, error

    def __call__(self, network, x):
        self.shapes.append(tuple(x.shape))
        if self.error is not None:
            raise self.error

        def replay(y):
            self.replays += 1
            assert y.shape == x.shape
            return network(y)

        return replay


def twice(x):
    return 2 * x


def test_a_shape_is_recorded_when_it_has_come_often():
    recorder = Recorder()
    network = CudaGraphRunner(twice, recorder)
    x = torch.ones(1, 3, 4, 5)
    for number in range(CAPTURE_AFTER + 5):
        assert torch.equal(network(number * x), 2 * number * x)
    assert recorder.shapes == [(1, 3, 4, 5)]
    assert recorder.replays == 5


@pytest.mark.parametrize(
    "other",
    [
        torch.ones(1, 3, 5, 4),
        torch.ones(1, 3, 4, 5).half(),
        torch.ones(1, 3, 4, 5).contiguous(memory_format=torch.channels_last),
    ],
)
def test_another_shape_kind_or_order_is_another_recording(other):
    recorder = Recorder()
    network = CudaGraphRunner(twice, recorder)
    x = torch.ones(1, 3, 4, 5)
    for each in (x, other) * (CAPTURE_AFTER + 4):
        assert torch.equal(network(each), 2 * each)
    assert len(recorder.shapes) == 2
    assert recorder.replays == 8


def test_only_those_used_last_are_kept():
    recorder = Recorder()
    network = CudaGraphRunner(twice, recorder)
    shapes = [torch.ones(1, 3, 4, width) for width in range(1, MAX_GRAPHS + 3)]
    for x in shapes:
        for _ in range(5 * CAPTURE_AFTER):
            assert torch.equal(network(x), 2 * x)
    assert recorder.shapes == [tuple(x.shape) for x in shapes]
    assert len(network._mine.replays) == MAX_GRAPHS
    for x in shapes[-MAX_GRAPHS:] * 3:
        network(x)
    assert len(recorder.shapes) == len(shapes)


def test_shapes_that_take_turns_are_recorded_less_and_less():
    recorder = Recorder()
    network = CudaGraphRunner(twice, recorder)
    shapes = [torch.ones(1, 3, 4, width) for width in range(1, MAX_GRAPHS + 2)]
    for _ in range(200 * CAPTURE_AFTER):
        for x in shapes:
            network(x)
    assert len(recorder.shapes) < 16


def test_a_recording_that_cannot_be_replayed_is_not_kept():
    def record(network, x):
        def replay(y):
            raise torch.OutOfMemoryError("CUDA out of memory")

        return replay

    network = CudaGraphRunner(twice, record)
    x = torch.ones(1, 3, 4, 5)
    for _ in range(3 * CAPTURE_AFTER):
        assert torch.equal(network(x), 2 * x)


def test_images_of_ever_other_sizes_leave_nothing_behind():
    recorder = Recorder()
    network = CudaGraphRunner(twice, recorder)
    for side in range(1, 10 * MAX_COUNTED_SHAPES):
        network(torch.ones(1, 1, 1, side))
    assert len(network._mine.counts) <= MAX_COUNTED_SHAPES + 1
    assert not recorder.shapes


def test_recordings_are_dropped_for_their_memory():
    recorder = Recorder()
    network = CudaGraphRunner(twice, recorder)
    x = torch.ones(1, 3, 4, 5)
    for _ in range(CAPTURE_AFTER + 1):
        network(x)
    network.clear()
    for _ in range(CAPTURE_AFTER):
        assert torch.equal(network(x), 2 * x)
    assert (len(recorder.shapes), recorder.replays) == (1, 1)
    network(x)
    assert len(recorder.shapes) == 2


@pytest.mark.parametrize(
    ("version", "can"), [("2.15.0+cu132", True), ("2.14.1", False), ("3.0.0a0+git1", True)]
)
def test_an_older_pytorch_records_nothing(monkeypatch, version, can):
    monkeypatch.setattr(torch, "__version__", version)
    assert can_record() == can


def test_what_cannot_be_recorded_is_run_and_not_tried_again():
    recorder = Recorder(RuntimeError("operation not permitted when stream is capturing"))
    network = CudaGraphRunner(twice, recorder)
    x = torch.ones(1, 3, 4, 5)
    for _ in range(3 * CAPTURE_AFTER):
        assert torch.equal(network(x), 2 * x)
    assert len(recorder.shapes) == 1


def test_each_thread_has_its_own():
    recorder = Recorder()
    network = CudaGraphRunner(twice, recorder)

    def work(number):
        x = torch.full((1, 3, 4, 5), float(number))
        return all(torch.equal(network(x), 2 * x) for _ in range(CAPTURE_AFTER + 1))

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert one.submit(work, 1).result()
        assert other.submit(work, 2).result()
    assert len(recorder.shapes) == 2
