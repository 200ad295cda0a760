"""The folder in which pieces wait."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from realesr.errors import InvalidOptionError, UnreadableMediaError, UnwritableMediaError
from realesr.geometry import Size
from realesr.media.frames import Segment
from realesr.pipeline.workfolder import Manifest, PieceRecord, WorkFolder, check_same

RECORD = PieceRecord(frames=9, first=Fraction(1, 3), last=Fraction(5, 7), size_bytes=4321)
MANIFEST = Manifest(
    fingerprint={"source": {"size": 7}, "option": {"outscale": 2}},
    segments=(
        Segment(index=0, end=Fraction(1, 3), frames=9),
        Segment(index=1, start=Fraction(1, 3), seek=Fraction(1, 7), position=9, frames=5),
    ),
    sizes=(Size(3, 4), Size(12, 16)),
    pieces={0: RECORD},
)


@pytest.fixture
def folder(tmp_path):
    folder = WorkFolder(tmp_path / "out.mkv")
    folder.path.mkdir()
    return folder


def test_a_manifest_comes_back_as_it_was(folder):
    assert not folder.is_begun
    assert folder.load() is None
    folder.save(MANIFEST)
    assert folder.is_begun
    assert folder.load() == MANIFEST
    assert (MANIFEST.done, MANIFEST.frames) == (9, 14)
    assert [segment.index for segment in MANIFEST.missing] == [1]
    assert MANIFEST.with_piece(1, RECORD).missing == []


def test_a_manifest_that_cannot_be_saved_leaves_the_old_one(folder, monkeypatch):
    folder.save(MANIFEST)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnwritableMediaError, match="No space left"):
        folder.save(replace(MANIFEST, pieces={}))
    assert folder.load() == MANIFEST


@pytest.mark.parametrize(
    "text", ["", "[", pytest.param("[" * 200_000, id="deep"), "{}", "[]", '{"format": 99}']
)
def test_a_strange_manifest_is_named_and_stays(folder, text):
    (folder.path / "manifest.json").write_text(text)
    with pytest.raises(UnreadableMediaError, match=r"manifest.json: .*`restart` begins anew"):
        folder.load()
    assert (folder.path / "manifest.json").read_text() == text


def test_another_run_is_refused_in_words(folder):
    check_same(MANIFEST, json.loads(json.dumps(MANIFEST.fingerprint)), folder)
    other = {"source": {"size": 7}, "option": {"outscale": 4, "tile": 32}}
    with pytest.raises(InvalidOptionError) as error:
        check_same(MANIFEST, other, folder)
    assert "1 of 2 pieces of another run: option outscale (4, and was 2)" in str(error.value)
    assert "option tile" in str(error.value)
    assert "`restart`" in str(error.value)


def test_two_runs_do_not_make_one_output(folder):
    with (
        folder.locked(),
        pytest.raises(UnwritableMediaError, match="another run makes it"),
        WorkFolder(folder.path.with_name("out.mkv")).locked(),
    ):
        pass
    assert not folder.path.exists()  # nothing was begun


def test_a_folder_with_work_stays(folder):
    with folder.locked():
        folder.save(MANIFEST)
        folder.piece(0, ".mkv").touch()
        (folder.path / ".000001.mkv.77.part").touch()
        folder.joined(".mkv").touch()
        folder.tidy(MANIFEST, ".mkv")
        assert sorted(path.name for path in folder.path.iterdir()) == [
            "000000.mkv",
            "lock",
            "manifest.json",
        ]
    assert folder.is_begun
    with folder.locked():
        folder.discard()
    assert not folder.path.exists()


def test_long_names_fit(tmp_path):
    folder = WorkFolder(tmp_path / f"{'ä' * 120}.mkv")
    with folder.locked():
        assert folder.path.is_dir()
