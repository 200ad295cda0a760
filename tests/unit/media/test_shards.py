"""Parts of folders."""

import pytest

from realesr.errors import InvalidOptionError
from realesr.media.formats import IMAGES
from realesr.media.search import Search
from realesr.media.shards import is_in_shard
from realesr.options import FileOptions
from realesr.plan import make_plan

NAMES = ["a.png", "a.jpg", "b.png", "sub/a.png", "sub/c.d.webp", *(f"n{i}.png" for i in range(200))]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "in"


def found(folder, shard, **options):
    files = FileOptions(
        inputs=(folder,), output=folder.parent / "out", recursive=True, shard=shard, **options
    )
    return [job.source.relative_to(folder).as_posix() for job in make_plan(files).jobs]


def test_parts_are_disjoint_complete_and_of_similar_size(folder):
    parts = [found(folder, (number, 4)) for number in range(1, 5)]
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    assert min(map(len, parts)) > 30


def test_a_part_depends_on_names_alone(folder):
    before = found(folder, (2, 3))
    (folder / "another.png").touch()
    assert [name for name in found(folder, (2, 3)) if name != "another.png"] == before
    # the value is held, because runs of another version may share a folder
    assert [is_in_shard("sub/c.d.webp", (part, 3)) for part in (1, 2, 3)].count(True) == 1
    assert is_in_shard("sub/c.d.webp", (2, 3))


def test_names_that_may_collide_belong_to_one_part():
    for part in range(1, 8):
        assert is_in_shard("x/a.png", (part, 7)) == is_in_shard("x/a.heic", (part, 7))


def test_other_parts_are_not_opened(folder, monkeypatch):
    (folder / "unknown.dat").touch()
    looked_at = []
    monkeypatch.setattr("realesr.media.search.content_of", looked_at.append)
    for number in range(1, 4):
        files = FileOptions(inputs=(folder,), output=folder / "out", shard=(number, 3))
        list(Search(files, IMAGES).sources())
    assert [path.name for path in looked_at].count("unknown.dat") == 1


def test_an_empty_part_is_no_error(tmp_path):
    (tmp_path / "a.png").touch()
    plans = [
        make_plan(FileOptions(inputs=(tmp_path,), output=tmp_path / "out", shard=(number, 9)))
        for number in range(1, 10)
    ]
    assert sum(len(plan.jobs) for plan in plans) == 1
    assert not any(plan.refused for plan in plans)


@pytest.mark.parametrize("shard", [(0, 3), (4, 3), (1, 0)])
def test_parts_are_numbered_from_one(tmp_path, shard):
    with pytest.raises(InvalidOptionError, match="numbered from 1"):
        FileOptions(inputs=(tmp_path,), output=tmp_path, shard=shard)
