import gzip
import os

import cv2
import numpy as np
import pytest

from realesr.degradation.operations import from_levels, quantize, unsharp_mask
from realesr.errors import UnreadableMediaError
from realesr.media.images.index import index_images, read_entry
from realesr.training.store import ImageStore

from support.archives import make_tar


def png(color, size=(30, 20)) -> bytes:
    width, height = size
    bgr = np.full((height, width, 3), color[::-1], np.uint8)
    return cv2.imencode(".png", bgr)[1].tobytes()


def test_only_allowed_images_are_listed(tmp_path):
    tar = make_tar(
        tmp_path / "a.tar", {"x/red.png": png((255, 0, 0)), "x/blue.png": png((0, 0, 255))}
    )
    (entry,) = index_images(tar, frozenset({"x/blue.png"}))
    assert (entry.width, entry.height) == (30, 20)
    assert read_entry(entry)[0, 0].tolist() == [0, 0, 255]
    assert len(index_images(tar)) == 2


def test_folders_are_searched_to_the_bottom(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.png").write_bytes(png((1, 2, 3)))
    (tmp_path / "notes.txt").write_text("no image")
    (entry,) = index_images(tmp_path)
    assert read_entry(entry)[0, 0].tolist() == [1, 2, 3]
    assert index_images(tmp_path, frozenset({"deep/b.png"})) == []


def test_what_is_called_an_image_and_is_a_folder_is_passed_over(tmp_path):
    (tmp_path / "album.png").mkdir()
    (tmp_path / "album.png/a.png").write_bytes(png((1, 2, 3)))
    assert len(index_images(tmp_path)) == 1


def test_text_in_a_tar_is_no_damage_and_names_may_lack_a_suffix(tmp_path):
    members = {"README.md": b"text", "x/manifest.csv": b"file", "0001": png((1, 2, 3))}
    (entry,) = index_images(make_tar(tmp_path / "a.tar", members))
    assert entry.name == "0001"


def test_sixteen_bits_are_rounded_and_orientation_is_obeyed(tmp_path):
    deep = np.full((20, 20, 3), 257 * 100 + 129, np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    (entry,) = index_images(tmp_path)
    assert read_entry(entry)[0, 0].tolist() == [101, 101, 101]


def test_a_broken_member_is_named(tmp_path):
    tar = make_tar(tmp_path / "a.tar", {"x/broken.png": b"no image"})
    with pytest.raises(UnreadableMediaError, match=r"a\.tar:x/broken\.png"):
        index_images(tar)


def test_what_is_neither_folder_nor_tar_is_named(tmp_path):
    with pytest.raises(UnreadableMediaError, match="absent: no such file or folder"):
        index_images(tmp_path / "absent")
    for content, message in (
        (b"", "is neither a folder nor a tar file"),
        (png((1, 2, 3)), "is neither a folder nor a tar file"),
        (gzip.compress(b"tar"), r"is compressed \(gzip\): unpack it"),
        (b"PK\3\4", r"is compressed \(zip\): unpack it"),
    ):
        (tmp_path / "a.tar").write_bytes(content)
        with pytest.raises(UnreadableMediaError, match=rf"a\.tar {message}$"):
            index_images(tmp_path / "a.tar")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFO")
def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tar")
    with pytest.raises(UnreadableMediaError, match=r"a\.tar is a FIFO"):
        index_images(tmp_path / "a.tar")


def test_a_tar_file_that_is_cut_short_is_named(tmp_path):
    tar = make_tar(tmp_path / "a.tar", {"a.png": png((1, 2, 3)), "b.png": bytes(9000)})
    tar.write_bytes(tar.read_bytes()[:5000])
    with pytest.raises(UnreadableMediaError, match=r"a\.tar is damaged or cut short"):
        index_images(tar)


def test_low_resolution_partners_are_no_pictures_of_their_own(tmp_path):
    names = [
        *("HR/a.png", "LRx4/a.png", "LRx2/deep/a.png", "HR/LRx2/b.png", "LR/c.png"),
        *("set/HR/d.png", "set/LRbicx4/d.png", "other/LRx4/e.png"),
    ]
    kept = ["HR/LRx2/b.png", "HR/a.png", "LR/c.png", "other/LRx4/e.png", "set/HR/d.png"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(png((1, 2, 3)))
    found = [e.path.relative_to(tmp_path / "in") for e in index_images(tmp_path / "in")]
    assert [each.as_posix() for each in found] == kept
    assert len(index_images(tmp_path / "in/LRx4")) == 1
    tar = make_tar(tmp_path / "a.tar", {f"./{name}": png((1, 2, 3)) for name in names})
    assert sorted(entry.name for entry in index_images(tar)) == [f"./{name}" for name in kept]
    assert [e.name for e in index_images(tar, frozenset({"HR/a.png"}))] == ["./HR/a.png"]


def test_a_vanished_image_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(png((1, 2, 3)))
    store = ImageStore(index_images(tmp_path), cache_bytes=0, sharpen=False)
    (tmp_path / "a.png").unlink()
    with pytest.raises(UnreadableMediaError, match=r"a\.png: No such file"):
        store[0]


def test_the_cache_holds_what_was_used_last(tmp_path):
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(png((index, 0, 0)))
    store = ImageStore(index_images(tmp_path), cache_bytes=2 * 30 * 20 * 3, sharpen=False)
    for index in (0, 1, 0, 2):
        assert store[index][0, 0, 0] == index
    for path in tmp_path.iterdir():
        path.unlink()
    assert store[0][0, 0, 0] == 0
    assert store[2][0, 0, 0] == 2
    with pytest.raises(UnreadableMediaError):
        store[1]


def test_sharpened_images_are_those_of_unsharp_masking(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (90, 100, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    store = ImageStore(index_images(tmp_path), cache_bytes=0, sharpen=True)
    assert (store[0] == quantize(unsharp_mask(from_levels(image)))).all()
    assert (store[0] != image).any()
