"""Who gets which units."""

from types import SimpleNamespace

import pytest

from realesr.pipeline.executors.shares import Chunks, Shares, WorkerDiedError
from realesr.progress import Failed, Started


def shares(sizes, chunks):
    units = [SimpleNamespace(job=size) for size in sizes]
    return Shares(units, lambda unit, event: None, chunks)


def taken(sizes, **chunks):
    share = shares(sizes, Chunks(work_of=lambda size: size, **chunks))
    found = []
    while share.waiting:
        found.append(list(share.take(1)))
    return found


@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        ([1] * 150, [64, 64, 22]),  # small files: many
        ([1000] * 20, [8, 8, 4]),  # large files: few, but never fewer
        ([10] * 10 + [1000] + [10] * 10, [11, 10]),  # what is enough ends a chunk
    ],
)
def test_chunks_are_balanced_by_work(sizes, lengths):
    chunks = taken(sizes, fewest=8, most=64, work=1000)
    assert [len(chunk) for chunk in chunks] == lengths
    assert [number for chunk in chunks for number in chunk] == list(range(len(sizes)))


def test_the_rest_is_shared_at_the_end():
    share = shares([1] * 8, Chunks.of(8))
    assert [len(share.take(4)) for _ in range(3)] == [2, 1, 1]


def test_what_a_worker_leaves_comes_next_and_in_order():
    share = shares([1] * 6, Chunks.of(2))
    first, second = share.take(1), share.take(1)
    share.give_back({**first, **second}, WorkerDiedError("dead"))
    assert list(share.take(1)) == [0, 1]
    assert not share.failed


class Counted:
    """Units that are made when they are asked for."""

    def __init__(self, count):
        self.count, self.made = count, 0

    def __len__(self):
        return self.count

    def __iter__(self):
        for number in range(self.count):
            self.made += 1
            yield SimpleNamespace(job=SimpleNamespace(source=number))


def test_units_are_made_when_a_worker_takes_them_and_forgotten_when_they_end():
    units, told = Counted(1000), []
    share = Shares(units, lambda unit, event: told.append(event), Chunks.of(4))
    assert (units.made, share.waiting) == (0, 1000)
    taken = share.take(1)
    assert (units.made, share.waiting) == (4, 996)
    for number in list(taken):
        share.on_event(taken, number, Started(number, 1, 1))
        share.on_event(taken, number, Failed(number, WorkerDiedError("")))
    assert not share._open
    assert not share._begun
    assert [(e.job, e.jobs) for e in told if isinstance(e, Started)] == [
        (number, 1000) for number in (1, 2, 3, 4)
    ]
