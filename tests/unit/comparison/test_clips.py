import io
from fractions import Fraction

import av
import pytest

from realesr.comparison.clips import compare_clips
from realesr.comparison.entries import parse_entries
from realesr.comparison.options import CompareOptions
from realesr.engine.interpolation import Interpolator
from realesr.errors import InvalidOptionError
from realesr.geometry import Size
from realesr.options import UpscaleOptions

from support.clips import GRADUAL, make_clip


def compare(names, path, notify=lambda notice: None, **options):
    return compare_clips(
        parse_entries(names, UpscaleOptions()),
        [path],
        CompareOptions(**options),
        outscale=2.0,
        load=lambda options: Interpolator(options.model_name),
        notify=notify,
    )


def frames_of(view):
    with av.open(io.BytesIO(view.data)) as container:
        assert not container.streams.audio
        frames = list(container.decode(video=0))
    return [frame.pts * frame.time_base for frame in frames], (frames[0].width, frames[0].height)


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_all_views_have_the_same_frames_at_a_constant_rate(tmp_path, container):
    clip = make_clip(tmp_path / "a.mkv", *GRADUAL, "-c:a", "aac", tone="sine=duration=1")
    ready = make_clip(tmp_path / "ready.mp4", image="testsrc2=size=128x96:rate=24:duration=1")
    content = compare(
        ["nearest", f"theirs={ready}"],
        clip,
        clip_format=container,
        frames=6,
        start=Fraction(1, 4),
        crf=30,
    )
    (subject,) = content.subjects
    assert (subject.size, subject.fps, subject.frames) == (Size(128, 96), 24, 6)
    for view, size in zip(subject.views, [(64, 48), (128, 96), (128, 96)], strict=True):
        times, shown = frames_of(view)
        assert view.mime == f"video/{container}"
        assert [round(time * 24) for time in times] == list(range(6))
        assert shown == size
    assert [view.seconds is None for view in subject.views] == [True, False, True]


def test_a_result_of_another_size_or_length_is_told(tmp_path):
    clip = make_clip(tmp_path / "a.mkv")
    ready = make_clip(tmp_path / "r.mp4", image="testsrc2=size=64x48:rate=24:duration=0.25")
    notices = []
    compare([f"theirs={ready}"], clip, notices.append, frames=10)
    assert {notice.code for notice in notices} == {"result-differs"}
    size, length = (notice.message for notice in notices)
    assert size == f"{ready} has 64x48 px, and not 128x96 px, as {clip} asks for"
    assert "frames there, and not 10" in length


def test_pixels_that_are_not_square_have_their_proportions(tmp_path):
    clip = make_clip(tmp_path / "a.mkv", "-vf", "setsar=3/2", *GRADUAL)
    (subject,) = compare(["nearest"], clip, frames=2).subjects
    assert subject.size == Size(192, 96)


def test_crops_are_for_images(tmp_path):
    clip = make_clip(tmp_path / "a.mkv")
    with pytest.raises(InvalidOptionError, match="`crop`"):
        compare(["nearest"], clip, crop=Size(10, 10))
