"""Objects in stores: their paths, and images that come from there and go there."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from realesr.cli.main import main
from realesr.errors import UnwritableMediaError
from realesr.media import remote
from realesr.media.urls import is_url, path_of

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)


def png_bytes(pixels):
    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


def read_png(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store():
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def test_a_url_keeps_its_text_through_everything_that_is_done_to_paths():
    url = path_of("s3://bucket/in/a.b.png")
    assert str(url) == "s3://bucket/in/a.b.png"
    assert str(url.parent / "c.png") == "s3://bucket/in/c.png"
    assert str(url.with_name("d.png").absolute()) == "s3://bucket/in/d.png"
    assert (url.stem, url.suffix) == ("a.b", ".png")
    assert url.relative_to(path_of("s3://bucket")).as_posix() == "in/a.b.png"
    copy = pickle.loads(pickle.dumps(url))  # noqa: S301 - what was made here
    assert copy == url
    assert is_url(copy)
    assert not url.exists()


@pytest.mark.parametrize("text", ["a.png", "/x/a.png", "C:/a.png", "a:b.png", "-", "s3:"])
def test_other_paths_are_no_urls(text):
    assert path_of(text) == Path(text)
    assert not is_url(path_of(text))


def test_a_folder_of_a_store_is_mirrored(store, capsys):
    for name in ("a.png", "sub/b.png", "sub/.hidden.png", "notes.txt"):
        store.pipe(f"/bucket/in/{name}", png_bytes(PIXELS))
    store.pipe("/bucket/in/bad.png", b"no image")
    command = ["image", "-i", "memory://bucket/in", "-r", "-o", "memory://bucket/out"]
    assert main([*command, "-n", "nearest", "-s", "2", "--suffix", ""]) == 1
    told = capsys.readouterr().err
    assert "memory://bucket/in/bad.png" in told
    assert "realesr-" not in told  # the temporary folder
    assert sorted(store.find("/bucket/out")) == ["/bucket/out/a.png", "/bucket/out/sub/b.png"]
    assert np.array_equal(
        read_png(store.cat("/bucket/out/sub/b.png")), PIXELS.repeat(2, 0).repeat(2, 1)
    )
    store.rm("/bucket/out/a.png")
    assert main([*command, "-n", "nearest", "-s", "2", "--suffix", "", "--skip-existing"]) == 1
    assert "left alone, outputs exist: 1" in capsys.readouterr().err


def test_an_upload_that_fails_leaves_nothing(store, tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"content")
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "mv", lambda *_, **__: 1 / 0)
        with pytest.raises(UnwritableMediaError, match=r"memory://bucket/a\.png: division"):
            remote.put(tmp_path / "a", path_of("memory://bucket/a.png"))
    assert not store.find("/bucket")
    remote.put(tmp_path / "a", path_of("memory://bucket/a.png"))
    assert store.cat("/bucket/a.png") == b"content"


def test_a_store_without_its_package_is_told(capsys, monkeypatch):
    monkeypatch.setattr(fsspec, "filesystem", lambda name: (_ for _ in ()).throw(ImportError("no")))
    remote._file_system.cache_clear()
    assert main(["image", "-i", "s3://bucket/in"]) == 1
    assert 'pip install "realesr[s3]"' in capsys.readouterr().err


def test_videos_are_refused(capsys):
    assert main(["video", "s3://bucket/film.mkv"]) == 1
    assert "copy the object first" in capsys.readouterr().err
