"""Numbered frames: their names, gaps and sizes."""

from fractions import Fraction

import numpy as np
import pytest

from realesr.errors import InvalidOptionError, UnreadableMediaError, UnsupportedMediaError
from realesr.imaging.image import Image
from realesr.media.formats import IMAGES
from realesr.media.frames import Frame
from realesr.media.images.decode import read_image
from realesr.media.series.names import (
    check_apart,
    check_series_target,
    find_series,
    is_series,
    parse_pattern,
)
from realesr.media.series.sink import SeriesSink
from realesr.media.series.source import SeriesSource
from realesr.options import VideoOptions

from support.images import write_image

RATE = VideoOptions(fps=Fraction(10))


def make(folder, *names, size=(4, 3), dtype=np.uint8):
    folder.mkdir(exist_ok=True)
    for level, name in enumerate(names, 1):
        pixels = np.full((size[1], size[0], 3), level, dtype)
        write_image(folder / name, Image(pixels))
    return folder


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("f/%06d.png", 7, "f/000007.png"),
        ("x%d.tif", 7, "x7.tif"),
        ("%03d.png", 12345, "12345.png"),
        ("a %02d b.png", 3, "a 03 b.png"),
    ],
)
def test_a_pattern_names_files(tmp_path, name, number, expected):
    assert parse_pattern(tmp_path / name).path(number) == tmp_path / expected


@pytest.mark.parametrize("name", ["a.png", "%s.png", "%d%d.png", "100%.png", "%5d.png"])
def test_other_names_are_no_patterns(tmp_path, name):
    assert parse_pattern(tmp_path / name) is None


def test_frames_are_in_the_order_of_their_numbers(tmp_path):
    folder = make(tmp_path / "in", "f9.png", "f10.png", "f1.png", "cover.png")
    series = find_series(folder)
    assert [number for number, _ in series.frames] == [1, 9, 10]
    assert series.gaps == "2 to 8"
    assert [path.name for path in series.others] == ["cover.png"]
    assert is_series(folder)
    assert find_series(folder / "f%d.png").frames == series.frames


def test_a_pattern_takes_one_series_of_several(tmp_path):
    folder = make(tmp_path / "in", "a1.png", "a2.png", "b1.png")
    with pytest.raises(InvalidOptionError, match=r"several series .*a%d\.png, b%d\.png"):
        find_series(folder)
    assert len(find_series(folder / "a%d.png").frames) == 2
    with pytest.raises(UnreadableMediaError, match="no numbered frames"):
        find_series(folder / "c%d.png")
    with pytest.raises(UnreadableMediaError, match="No such file"):
        find_series(tmp_path / "absent" / "%d.png")


def test_a_number_that_occurs_twice_is_refused(tmp_path):
    with pytest.raises(InvalidOptionError, match="same number"):
        find_series(make(tmp_path / "in", "f1.png", "f01.png"))


def test_a_gap_leaves_its_time_to_the_frame_before(tmp_path):
    folder = make(tmp_path / "in", "5.png", "6.png", "9.png")
    notices = []
    with SeriesSource(folder, options=RATE, notify=notices.append) as source:
        frames = list(source)
    assert [float(frame.pts) for frame in frames] == [0, 0.1, 0.4]
    assert [float(frame.duration) for frame in frames] == pytest.approx([0.1, 0.3, 0.1])
    assert [source.number_of(frame.index) for frame in frames] == [5, 6, 9]
    assert "numbers 7 to 8" in str(notices[0])


def test_another_size_is_named_with_its_file(tmp_path):
    folder = make(tmp_path / "in", "1.png", "2.png")
    make(folder, "3.png", size=(5, 3))
    source = SeriesSource(folder, options=RATE)
    with source, pytest.raises(UnsupportedMediaError, match=r"3\.png: is 5x3 px"):
        list(source)


def test_frames_of_a_film_need_a_rate(tmp_path):
    folder = make(tmp_path / "in", "1.png")
    with pytest.raises(InvalidOptionError, match="add `fps`"):
        SeriesSource(folder).__enter__()
    with SeriesSource(folder, needs_rate=False) as source:
        assert len(list(source)) == 1
    for part in ({"start": Fraction(1)}, {"end": Fraction(1)}):
        source = SeriesSource(folder, options=VideoOptions(**part), needs_rate=False)
        with pytest.raises(InvalidOptionError, match="add `fps`"):
            source.__enter__()


def test_a_part_is_read_by_time(tmp_path):
    folder = make(tmp_path / "in", *(f"{number}.png" for number in range(10, 20)))
    options = VideoOptions(fps=Fraction(10), start=Fraction(1, 5), end=Fraction(1, 2))
    with SeriesSource(folder, options=options) as source:
        assert [source.number_of(frame.index) for frame in source] == [12, 13, 14]


def test_what_is_done_is_not_read(tmp_path):
    folder = make(tmp_path / "in", *(f"{number}.png" for number in range(4)))
    (folder / "1.png").write_bytes(b"not even an image")
    notices = []
    with SeriesSource(
        folder, options=RATE, is_done=lambda number: number < 2, notify=notices.append
    ) as source:
        assert [source.number_of(frame.index) for frame in source] == [2, 3]
    assert [notice.code for notice in notices] == ["work-kept"]
    with SeriesSource(folder, options=RATE, is_done=lambda number: True) as source:
        assert [source.number_of(frame.index) for frame in source] == [3]  # a run has a result


def test_frames_are_written_with_16_bits(tmp_path):
    pattern = parse_pattern(tmp_path / "out" / "%03d.png")
    pixels = np.arange(36, dtype=np.uint16).reshape(3, 4, 3) * 1000
    target = IMAGES.format_of(tmp_path / "a.png")
    with SeriesSink(pattern, target=target, number_of=lambda index: index + 8) as sink:
        frame = Frame(index=0, image=Image(pixels))
        sink.write(sink.prepare(frame, frame.image.size))
    assert (read_image(tmp_path / "out" / "008.png").pixels == pixels).all()
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_what_loses_something_is_no_format_of_frames(tmp_path):
    assert check_series_target(tmp_path / "%d.tif").name == "TIFF"
    with pytest.raises(InvalidOptionError, match="png or tif"):
        check_series_target(tmp_path / "%d.jpg")


def test_results_do_not_replace_their_sources(tmp_path):
    folder = make(tmp_path / "in", "1.png")
    check_apart(folder, parse_pattern(tmp_path / "out" / "%d.png"))
    for source in (folder, folder / "%d.png"):
        with pytest.raises(InvalidOptionError, match="would be replaced"):
            check_apart(source, parse_pattern(folder / "%d.png"))
