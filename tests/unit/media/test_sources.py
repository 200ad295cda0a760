import pytest

from realesr.errors import UnreadableMediaError, UnwritableMediaError
from realesr.media.images import read_image
from realesr.media.sources import Frame, ImageSink, ImageSource

from support.networks import random_image


def test_a_picture_is_one_frame(tmp_path):
    path = tmp_path / "deep" / "a.png"
    frame = Frame(index=0, image=random_image(8, 6))
    with ImageSink(path) as sink:
        sink.write(frame)
        assert not path.exists()
    with ImageSource(path) as source:
        (again,) = source
    assert (again.index, again.pts) == (0, 0)
    assert (again.image.pixels == frame.image.pixels).all()
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


def test_an_error_leaves_the_old_output_and_nothing_else(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), ImageSink(path) as sink:
        sink.write(Frame(index=0, image=random_image(8, 6)))
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_an_existing_output_is_replaced(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with ImageSink(path) as sink:
        sink.write(Frame(index=0, image=random_image(8, 6)))
    assert read_image(path).size == random_image(8, 6).size


def test_impossible_places_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableMediaError, match="file"), ImageSink(tmp_path / "file/a.png"):
        pass
    (tmp_path / "a.png").mkdir()
    frame = Frame(index=0, image=random_image(8, 6))
    with (
        pytest.raises(UnwritableMediaError, match=r"a\.png"),
        ImageSink(tmp_path / "a.png") as sink,
    ):
        sink.write(frame)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "file"]


def test_a_missing_input_is_an_error_of_the_iteration(tmp_path):
    with ImageSource(tmp_path / "a.png") as source, pytest.raises(UnreadableMediaError):
        next(iter(source))
