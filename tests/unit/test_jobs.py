"""Long lists of jobs."""

import tracemalloc

import pytest

from realesr import spool
from realesr.media import listing
from realesr.options import FileOptions
from realesr.plan import make_plan


@pytest.fixture(autouse=True)
def _long_lists(monkeypatch):
    monkeypatch.setattr(spool, "BLOCK", 16)
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1)
    monkeypatch.setattr(listing, "RUN", 64)


def touch(folder, *names):
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return folder


def test_memory_does_not_grow_with_the_names(tmp_path):
    peaks = []
    for count in (100, 500):
        source = touch(tmp_path / f"in{count}", *(f"a_long_name_{i:05}.png" for i in range(count)))
        out = touch(tmp_path / f"out{count}", *(f"a_long_name_{i:05}_out.png" for i in range(50)))
        files = FileOptions(inputs=(source,), output=out, skip_existing=True)
        found = []
        for _ in range(3):  # threads that other tests have left allocate, too
            tracemalloc.start()
            made = make_plan(files)
            assert [int(job.source.stem[-5:]) for job in made.jobs] == list(range(50, count))
            found.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        peaks.append(min(found))
        assert len(made.existing) == 50
    # three hashes of 16 bytes, and the numbers of this test; it was 1,600
    assert (peaks[1] - peaks[0]) / 400 < 250


def test_a_list_of_jobs_is_a_sequence(tmp_path):
    source = touch(tmp_path / "in", *(f"{i:02}.png" for i in range(70)))
    jobs = make_plan(FileOptions(inputs=(source,), output=tmp_path / "out")).jobs
    assert [job.source.stem for job in jobs[1:4]] == ["01", "02", "03"]
    assert (jobs[0], jobs[-1]) == (next(iter(jobs)), list(jobs)[69])
    with pytest.raises(IndexError):
        jobs[70]
