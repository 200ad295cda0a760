"""Who gets which units."""

from types import SimpleNamespace

import pytest

from realesr.pipeline.executors.shares import Chunks, Shares, WorkerDiedError


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
