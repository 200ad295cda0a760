"""Animations and series of frames through the commands."""

import json

import av
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.cli.main import main
from realesr.media.animations.content import is_animated, read_timeline

from support.animations import (
    DURATIONS_MS,
    drawn_frames,
    frames_of,
    save_animation,
    visible,
)
from support.clips import TONE, make_clip, times


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(command, *arguments, scale=1):
    return main([command, "-n", "nearest", "-s", str(scale), *map(str, arguments)])


def codes(capsys, command, *arguments):
    assert run(command, *arguments, "--json") == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    return {notice["code"] for notice in line["notices"]}


@pytest.mark.parametrize("command", ["image", "video"])
def test_an_animation_becomes_a_larger_one(tmp_path, command):
    source = save_animation(tmp_path / "a.gif", loop=2)
    assert run(command, "a.gif", scale=2) == 0
    result = tmp_path / "results" / "a_out.gif"
    assert read_timeline(result) == read_timeline(source)
    for before, after in zip(frames_of(source), frames_of(result), strict=True):
        assert (before.repeat(2, axis=0).repeat(2, axis=1) == after).all()


def test_one_image_is_taken_where_one_is_asked_for(tmp_path, capsys):
    save_animation(tmp_path / "a.webp", lossless=True)
    assert "pages-dropped" in codes(capsys, "image", "a.webp", "-o", "b.jpg")
    assert "pages-dropped" in codes(capsys, "image", "a.webp", "-o", "b.webp", "--first-frame")
    assert not is_animated(tmp_path / "b.webp")
    assert codes(capsys, "image", "a.webp", "-o", "c.webp", "--lossless") == set()
    assert is_animated(tmp_path / "c.webp")


def test_a_still_gif_stays_one(tmp_path):
    drawn_frames(1)[0].save(tmp_path / "a.gif")
    assert run("image", "a.gif") == 0
    with PillowImage.open("results/a_out.gif") as result:
        assert result.n_frames == 1
        assert (visible(result) == visible(drawn_frames(1)[0])).all()


def test_an_animation_becomes_a_video_with_its_times(tmp_path, capsys):
    save_animation(tmp_path / "a.gif", drawn_frames(is_transparent=False), loop=0)
    for name in ("b.mkv", "b.mp4"):
        assert codes(capsys, "video", "a.gif", "-o", name) == {"loop-dropped", "rgb-converted"}
        begins = [sum(DURATIONS_MS[:number]) / 1000 for number in range(5)]
        assert [float(time) for time in times(name)] == pytest.approx(begins)
        with av.open(name) as container:
            assert container.duration / 1e6 == pytest.approx(sum(DURATIONS_MS) / 1000, abs=0.002)


def test_a_video_becomes_an_animation_and_what_is_lost_is_told(tmp_path, capsys):
    make_clip(tmp_path / "in.mp4", tone=TONE)
    told = codes(capsys, "video", "in.mp4", "-o", "b.gif", "--frames", 6, "--crf", 20)
    assert told == {"colors-reduced", "option-without-effect", "stream-dropped", "times-rounded"}
    timeline = read_timeline(tmp_path / "b.gif")
    assert len(timeline.durations) == 6
    assert sum(timeline.durations) == pytest.approx(0.25)
    assert timeline.plays == 0


def test_frames_of_a_video_are_made_where_they_are_missing(tmp_path, capsys):
    make_clip(tmp_path / "in.mkv", "-c:v", "ffv1")
    assert run("video", "in.mkv", "-o", "f/%04d.png", "--frames", 5) == 0
    files = sorted((tmp_path / "f").iterdir())
    assert [path.name for path in files] == [f"{number:04d}.png" for number in range(1, 6)]
    whole = [path.read_bytes() for path in files]
    files[2].unlink()
    files[3].write_bytes(b"whole, since it has its name")
    assert codes(capsys, "video", "in.mkv", "-o", "f/%04d.png", "--frames", 5) == {"work-kept"}
    assert files[2].read_bytes() == whole[2]
    assert files[3].read_bytes() == b"whole, since it has its name"
    assert run("video", "in.mkv", "-o", "f/%04d.png", "--frames", 5, "--restart") == 0
    assert [path.read_bytes() for path in files] == whole


def test_frames_become_a_film_and_larger_frames(tmp_path, capsys):
    (tmp_path / "f").mkdir()
    random = np.random.default_rng(3)
    for number in (7, 8, 10):
        pixels = random.integers(0, 256, (16, 16, 3), np.uint8)
        PillowImage.fromarray(pixels).save(tmp_path / "f" / f"{number:03d}.png")
    arguments = ("video", "f", "--fps", 20, "--codec", "ffv1", "-o", "film.mkv")
    assert codes(capsys, *arguments) >= {"frames-missing"}
    assert [float(time) for time in times("film.mkv")] == pytest.approx([0, 0.05, 0.15])
    assert run("video", "f/%03d.png", "-o", "g/%03d.tif", scale=2) == 0
    assert sorted(path.name for path in (tmp_path / "g").iterdir()) == [
        *("007.tif", "008.tif", "010.tif")
    ]
    assert run("video", "f", "-o", "f/%03d.png") == 1
    assert "would be replaced" in capsys.readouterr().err
    assert run("video", "f", "-o", "film.mp4") == 1
    assert "add --fps 24" in capsys.readouterr().err


def test_still_images_beside_videos_are_left_out(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    save_animation(tmp_path / "in" / "a1.png")
    save_animation(tmp_path / "in" / "b.gif")
    drawn_frames(1)[0].save(tmp_path / "in" / "c2.png")
    make_clip(tmp_path / "in" / "d.mp4")
    assert run("video", "in", "--dry-run") == 0
    out, errors = capsys.readouterr()
    assert [line.split(" -> ")[0] for line in out.splitlines()] == [
        *("in/a1.png", "in/b.gif", "in/d.mp4")
    ]
    assert "left out, no videos: 1 (c2.png)" in errors
