"""The script that collects photographs to train on."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from data import collect_photographs as collecting

ROWS = ("kind", "package", "version", "path", "sha256", "licence", "credit")


def textured(seed: int, width: int = 1900, height: int = 1300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (12, 16, 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    grain = cv2.GaussianBlur(rng.normal(0, 120, (height, width)).astype(np.float32), (0, 0), 1.5)
    return np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three photographs, and the list of them: one is a copy, one was changed."""
    contents = tmp_path / "package"
    contents.mkdir()
    first = textured(1)
    first[:, :1000] = cv2.GaussianBlur(first[:, :1000], (0, 0), 30)
    PillowImage.fromarray(first).save(contents / "a.png")
    PillowImage.fromarray(first).resize((1000, 684)).save(contents / "copy.jpg")
    PillowImage.fromarray(textured(2)).save(contents / "changed.png")
    hashes = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in contents.iterdir()
    }
    hashes["changed.png"] = "0" * 64
    path = tmp_path / "list.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(ROWS)
        for name, sha256 in sorted(hashes.items()):
            writer.writerow(("npm", "some", "1.0", name, sha256, "CC0", "Some One"))

    def download(kind: str, name: str, version: str, folder: Path) -> Path:
        assert (kind, name, version) == ("npm", "some", "1.0")
        return Path(shutil.copytree(contents, folder / "contents"))

    monkeypatch.setattr(collecting, "download", download)
    return path


def test_sharp_squares_of_what_the_list_says_are_kept(package, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["collect", str(tmp_path / "out"), "--list", str(package)])
    collecting.main()
    out, err = capsys.readouterr()
    assert "of 1 photographs" in out
    assert "changed.png is not what the list says" in err
    assert "left out: some copy.jpg" in err
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with tarfile.open(tmp_path / "out.tar") as tar:
        images = {each.name: tar.extractfile(each).read() for each in tar}
    assert {row["file"] for row in rows} == set(images)
    assert {row["licence"] for row in rows} == {"CC0"}
    assert {row["credit"] for row in rows} == {"Some One"}
    for data in images.values():
        with PillowImage.open(io.BytesIO(data)) as image:
            assert image.size == (512, 512)
            assert collecting.detail(np.asarray(image)) > collecting.LEAST_DETAIL


@pytest.mark.parametrize(
    ("size", "copies"),
    [
        ((5000, 3000), [(2400, 1440), (1200, 720)]),
        ((1900, 1300), [(1140, 780)]),
        ((720, 360), [(576, 288)]),
        ((640, 340), []),
    ],
)
def test_photographs_are_reduced_to_one_or_two_sizes(size, copies):
    flat = np.zeros((size[1], size[0], 3), np.uint8)
    assert [each.shape[1::-1] for each in collecting.reduced(flat)] == copies


def test_blurred_and_empty_parts_have_no_squares():
    assert collecting.squares(cv2.GaussianBlur(textured(3, 700, 700), (0, 0), 20)) == []
    assert collecting.squares(np.zeros((700, 700, 3), np.uint8)) == []


def test_excluded_pictures_are_left_out(package, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "sets"
    folder.mkdir()
    with PillowImage.open(package.parent / "package/a.png") as image:
        image.resize((475, 325)).save(folder / "test.png")
    monkeypatch.setattr(
        "sys.argv",
        ["collect", str(tmp_path / "out"), "--list", str(package), "--exclude", str(folder)],
    )
    with pytest.raises(SystemExit, match="no photograph could be had"):
        collecting.main()
    assert "left out: some a.png" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_an_interruption_leaves_what_was_there(package, tmp_path, monkeypatch):
    (tmp_path / "out.tar").write_bytes(b"earlier")
    monkeypatch.setattr("sys.argv", ["collect", str(tmp_path / "out"), "--list", str(package)])
    before = {each.name for each in tmp_path.iterdir()}

    def interrupt(*_anything):
        raise KeyboardInterrupt

    monkeypatch.setattr(collecting, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        collecting.main()
    assert {each.name for each in tmp_path.iterdir()} == before
    assert (tmp_path / "out.tar").read_bytes() == b"earlier"


def test_every_photograph_of_the_list_may_shape_weights():
    with collecting.LIST.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == ROWS
    assert {row["licence"] for row in rows} == {
        *("CC0", "CC BY 4.0", "MIT", "public domain", "Unsplash licence")
    }
    assert all(row["credit"] for row in rows if row["licence"].startswith("CC BY"))
    assert len({row["sha256"] for row in rows}) == len(rows)
