"""Boxes and elements, read and written again."""

import zlib

import pytest

from realesr.media.video.boxes import (
    CLUSTER,
    SEGMENT,
    TRACKS,
    box,
    boxes,
    element,
    elements,
    find_element,
    movie_box,
    with_crc,
)
from realesr.media.video.projection import Projection, read_projection, write_projection


def test_boxes_come_back():
    content = (
        box(b"aaaa", b"1") + b"\0\0\0\1bbbb" + (18).to_bytes(8, "big") + b"22" + box(b"cccc", b"")
    )
    assert list(boxes(content)) == [(b"aaaa", b"1"), (b"bbbb", b"22"), (b"cccc", b"")]
    assert list(boxes(b"\0\0\0\0last" + b"rest")) == [(b"last", b"rest")]


@pytest.mark.parametrize("content", [b"\0\0\0\x0caaaa", b"\0\0\0\7aaaa", b"\0\0\0\1aaaa"])
def test_a_box_that_ends_outside_is_refused(content):
    with pytest.raises(ValueError, match="ends outside"):
        list(boxes(content))


def test_elements_come_back():
    content = element(b"\xae", b"1" * 200) + element(b"\x53\x6e", b"", size_length=8)
    assert list(elements(content)) == [(b"\xae", b"1" * 200), (b"\x53\x6e", b"")]
    assert list(elements(b"\xae\xff12")) == [(b"\xae", b"12")]  # of unknown size


@pytest.mark.parametrize("content", [b"\xae\x85", b"\0\x85", b"\xae"])
def test_an_element_that_ends_outside_is_refused(content):
    with pytest.raises(ValueError, match="Matroska"):
        list(elements(content))


def test_a_checksum_is_computed_anew():
    content = with_crc(b"\xbf\x84" + bytes(4) + b"content")
    assert content[2:6] == zlib.crc32(b"content").to_bytes(4, "little")
    assert with_crc(b"content") == b"content"


def test_headers_are_found_and_their_places(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(box(b"ftyp", b"abcd") + box(b"moov", b"content"))
    assert movie_box(path) == (20, b"content")
    path.write_bytes(
        SEGMENT + b"\x01" + b"\xff" * 7 + element(b"\xec", b"..") + element(TRACKS, b"x")
    )
    assert find_element(path, TRACKS) == (21, b"x")
    path.write_bytes(element(SEGMENT, element(CLUSTER, b"") + element(TRACKS, b"x")))
    assert find_element(path, TRACKS) is None


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"\xff" * 100, box(b"moov", box(b"trak", b"\0\0\1\0mdia"))]
)
def test_files_that_make_no_sense_have_no_marks_and_take_none(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_projection(path, 0).is_empty
    marks = Projection(stereo=1, kind=b"equi", private=bytes(20))
    assert not write_projection(path, marks, title=None)
    assert path.read_bytes() == content


def test_a_header_in_a_thousand_pieces_takes_no_time(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(box(b"free", b"") * 500_000)
    assert movie_box(path) is None


def test_the_padding_of_a_cube_grows_with_its_frames():
    cube = Projection(kind=b"cbmp", private=bytes(8) + (5).to_bytes(4, "big"))
    assert cube.scaled(4).private[8:] == (20).to_bytes(4, "big")
    flat = Projection(stereo=2)
    assert flat.scaled(4) == flat
