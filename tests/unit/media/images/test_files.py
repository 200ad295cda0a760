import os
from pathlib import Path

import numpy as np
import pytest

from realesr.errors import UnreadableMediaError, UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.media.frames import Frame
from realesr.media.images.decode import read_image
from realesr.media.images.files import ImageSink, ImageSource
from realesr.partial import Partial

from support.networks import random_image

IMAGE = random_image(8, 6)


def write(sink, image=IMAGE):
    sink.write(sink.prepare(Frame(index=0, image=image), image.size))


def names(folder: Path):
    return sorted(path.name for path in folder.iterdir())


def test_a_image_is_one_frame(tmp_path):
    path = tmp_path / "deep" / "a.png"
    with ImageSink(path) as sink:
        write(sink)
        assert not path.exists()
    with ImageSource(path) as source:
        (again,) = source
    assert (again.index, again.pts) == (0, 0)
    assert (again.image.pixels == IMAGE.pixels).all()
    assert names(path.parent) == ["a.png"]


def test_an_error_leaves_the_old_output_and_nothing_else(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), ImageSink(path) as sink:
        write(sink)
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


def test_an_existing_output_is_replaced(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with ImageSink(path) as sink:
        write(sink)
    assert read_image(path).size == IMAGE.size


def test_impossible_places_are_named_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "a.png").mkdir()
    for path in (tmp_path / "file/b.png", tmp_path / "a.png"):
        with pytest.raises(UnwritableMediaError, match=path.name), ImageSink(path) as sink:
            sink.prepare(Frame(index=0, image=IMAGE), IMAGE.size)
    assert names(tmp_path) == ["a.png", "file"]


def test_a_size_that_the_format_does_not_hold_is_named_before_any_work(tmp_path):
    path = tmp_path / "a.webp"
    with pytest.raises(UnwritableMediaError, match="16384x4"), ImageSink(path) as sink:
        sink.prepare(Frame(index=0, image=IMAGE), Size(16_384, 4))
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    """What is written goes to a device that answers every write with ENOSPC."""
    path = tmp_path / "a.png"
    monkeypatch.setattr(
        Partial, "open", lambda self: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb")
    )
    with pytest.raises(UnwritableMediaError, match=r"a\.png: No space left"), ImageSink(path) as s:
        write(s)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("alpha", [0, 255])
def test_transparency_is_laid_on_white_where_the_format_has_none(tmp_path, name, alpha):
    image = Image(np.zeros((4, 4, 3), np.uint8), alpha=np.full((4, 4), alpha, np.uint8))
    notices = []
    with ImageSink(tmp_path / name, notify=notices.append) as sink:
        write(sink, image)
    again = read_image(tmp_path / name)
    if name == "a.jpg":
        assert again.alpha is None
        assert (again.pixels == 255 - alpha).all()
        assert [notice.code for notice in notices] == ([] if alpha else ["alpha-flattened"])
    else:
        assert (again.alpha == alpha).all()
        assert not notices


def test_a_missing_input_is_an_error_of_the_iteration(tmp_path):
    with ImageSource(tmp_path / "a.png") as source, pytest.raises(UnreadableMediaError):
        next(iter(source))
