"""What is in a folder, in order."""

import zlib

import pytest

from realesr.media import listing
from realesr.media.listing import Kind, listed


@pytest.mark.parametrize("run", [1, 7, 50, 1000])
def test_names_are_in_order_in_however_many_runs(tmp_path, monkeypatch, run):
    monkeypatch.setattr(listing, "RUN", run)
    names = [f"{zlib.crc32(b'%d' % number) / 2**32}" for number in range(49)]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "ä").mkdir()
    found = list(listed(tmp_path))
    assert found == [*((name, Kind.FILE) for name in sorted(names)), ("ä", Kind.FOLDER)]
    assert all(isinstance(kind, Kind) for _, kind in found)
    assert len(list(listed(tmp_path, lambda name, kind: name < "0.5"))) == sum(
        name < "0.5" for name in names
    )


def test_kinds_are_those_of_the_entries_themselves(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    assert dict(listed(tmp_path)) == {
        "folder": Kind.FOLDER,
        "link": Kind.LINK,
        "lost": Kind.LINK,
    }
