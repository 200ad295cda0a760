"""Times of frames, and segments along them."""

from fractions import Fraction
from itertools import pairwise

import pytest

from realesr.media.video.probe import probe
from realesr.media.video.timeline import Timeline, cut, read_timeline

from support.clips import make_clip, times


def timeline(count, keys):
    return Timeline(time_base=Fraction(1, 10), times=range(5, 5 + count), keys=keys)


def lengths(segments):
    return [segment.frames for segment in segments]


def test_the_times_are_those_of_all_packets_in_order(tmp_path):
    clip = make_clip(
        tmp_path / "in.mkv", "-c:v", "libx264", "-bf", "2", "-g", "8", "-output_ts_offset", "1.5"
    )
    found = read_timeline(probe(clip))
    assert [found.seconds(n) for n in range(len(found.times))] == times(clip)
    assert list(found.keys) == [0, 8, 16]
    assert list(found.part(None, None, None)) == list(range(24))
    assert list(found.part(found.seconds(3), found.seconds(9), None)) == list(range(3, 9))
    assert list(found.part(found.seconds(3) - Fraction(1, 100), None, 2)) == [3, 4]


@pytest.mark.parametrize("frames", [1, 7, 10, 33, 100, 500])
@pytest.mark.parametrize("keys", [[0], [0, 12, 24, 36], [0, 9, 50], list(range(100)), []])
def test_segments_hold_every_frame_once(frames, keys):
    line = timeline(100, keys)
    segments = cut(line, range(100), frames=frames)
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert segments[0].start is segments[-1].end is None
    assert all(a.end == b.start for a, b in pairwise(segments))
    assert sum(lengths(segments)) == 100
    assert min(lengths(segments)) >= 1
    position = 0
    for segment in segments:
        assert segment.position == position
        assert segment.start is None or segment.start == line.seconds(position)
        position += segment.frames


def test_borders_are_key_frames_and_rather_those_of_scenes():
    every_ten = list(range(0, 100, 10))
    assert lengths(cut(timeline(100, every_ten), range(100), frames=33)) == [30, 40, 30]
    with_scene = sorted([*every_ten, 37])
    assert lengths(cut(timeline(100, with_scene), range(100), frames=33)) == [37, 33, 30]
    assert lengths(cut(timeline(100, [0]), range(100), frames=33)) == [33, 34, 33]


def test_decoding_begins_a_whole_group_of_frames_earlier():
    """A key frame at the border would not do: frames around it refer to those before."""
    line = timeline(100, [0, 10, 30, 60])
    segments = cut(line, range(100), frames=30)
    assert lengths(segments) == [30, 30, 40]
    assert [segment.seek for segment in segments] == [None, line.seconds(10), line.seconds(30)]
    far = cut(line, range(100), frames=30, preroll=25)
    assert [segment.seek for segment in far] == [None, None, line.seconds(30)]
    assert [segment.preroll for segment in far] == [0, 25, 25]


def test_an_excerpt_is_cut_within_its_borders():
    line = timeline(100, [])
    segments = cut(line, range(20, 50), frames=15, preroll=20)
    assert lengths(segments) == [15, 15]
    assert (segments[0].start, segments[-1].end) == (line.seconds(20), line.seconds(50))
    assert [segment.preroll for segment in segments] == [0, 15]
    assert [segment.position for segment in segments] == [0, 15]
