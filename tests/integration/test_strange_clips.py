"""Videos as strangers have them: joined, resized, tiny, without a container, or hostile."""

import os
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideData

from realesr.cli.main import main
from realesr.media.video.info import FrameNotes
from realesr.media.video.notices import notices_of
from realesr.media.video.probe import probe
from realesr.media.video.projection import read_projection
from realesr.media.video.sidedata import notes_of
from realesr.options import DEFAULT_VIDEO

from support.clips import GRADUAL, TONE, captioned, ffmpeg, make_clip, payloads, times
from support.paths import shared

TICK_MS = Fraction(1, 1000)
FAST = ("--preset", "ultrafast")
LONG = "testsrc2=size=32x24:rate=12:duration=3"
LONG_TONE = "sine=frequency=440:duration=3"
SMALL = "testsrc2=size=32x24:rate=12:duration=1"
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-g", "6", "-bf", "2", "-pix_fmt", "yuv420p")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def upscale(source, output, *arguments):
    """Runs the command, which must succeed."""
    command = ["video", "-n", "nearest", "-s", 1, "-i", source, "-o", output, *arguments]
    assert main(list(map(str, command))) == 0
    return Path(output)


def refused(source, *arguments):
    """Runs the command, which must fail and leave nothing."""
    command = ["video", "-n", "nearest", "-s", 1, "-i", source, "-o", "refused.mkv", *arguments]
    assert main(list(map(str, command))) == 1
    assert not Path("refused.mkv").exists()


def frames(path, index=0):
    """Frames in gray, (H, W) of 8 bits each."""
    with av.open(f"file:{path}") as container:
        stream = container.streams[index]
        return [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(stream)]


def joined(name, *parts):
    """A transport stream made of others, one behind the other."""
    Path(name).write_bytes(b"".join(Path(part).read_bytes() for part in parts))
    return Path(name)


# Clocks that jump


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_clock_that_jumps_back_goes_on_with_sound_in_step(capsys, suffix):
    make_clip(Path("one.ts"), *B_FRAMES, "-c:a", "mp2", image=SMALL, tone=TONE)
    clip = joined("in.ts", "one.ts", "one.ts", "one.ts")
    output = upscale(clip, f"out{suffix}", *FAST)
    said = capsys.readouterr().err
    assert "its clock jumps" in said
    assert "behind 0:00:01.0" in said or "behind 0:00:01.1" in said
    one = times(Path("one.ts"))
    shown, heard = times(output), times(output, 1)
    assert (len(shown), len(heard)) == (3 * len(one), 3 * len(times(Path("one.ts"), 1)))
    # Each part is as before, relative to its own sound: no part overlaps the one before.
    ahead = one[0] - times(Path("one.ts"), 1)[0]
    parts = [shown[n : n + len(one)] for n in range(0, len(shown), len(one))]
    sounds = [heard[n : n + len(heard) // 3] for n in range(0, len(heard), len(heard) // 3)]
    for part, sound in zip(parts, sounds, strict=True):
        assert abs(part[0] - sound[0] - ahead) <= TICK_MS
        assert [b - part[0] for b in part] == pytest.approx([a - one[0] for a in one], abs=0.0011)
    assert all(0 < b - a < Fraction(1, 5) for a, b in pairwise(shown))
    assert payloads(output, 1) == payloads(clip, 1)


def test_a_clock_that_jumps_ahead_for_all_streams_leaves_no_gap(capsys):
    make_clip(Path("one.ts"), *B_FRAMES, "-c:a", "mp2", image=SMALL, tone=TONE)
    ffmpeg("-i", "one.ts", "-c", "copy", "-output_ts_offset", "900", "two.ts")
    output = upscale(joined("in.ts", "one.ts", "two.ts"), "out.mp4", *FAST)
    assert "(+8" in capsys.readouterr().err
    assert times(output)[-1] < 3
    assert len(times(output)) == 24


def test_a_gap_in_the_pictures_alone_is_no_jump(capsys):
    late = ("-vf", "setpts='PTS+if(gte(N,6),20/TB,0)'", "-fps_mode", "passthrough")
    long = "sine=frequency=440:sample_rate=48000:duration=25"
    clip = make_clip(Path("in.ts"), *late, *GRADUAL, "-c:a", "mp2", image=SMALL, tone=long)
    output = upscale(clip, "out.mkv", *FAST)
    assert "jumps" not in capsys.readouterr().err
    assert times(output)[-1] > 20


def test_no_part_is_cut_out_of_a_file_whose_clock_jumps(capsys):
    make_clip(Path("one.ts"), *GRADUAL, image=SMALL)
    refused(joined("in.ts", "one.ts", "one.ts"), "--start", "0.5")
    said = capsys.readouterr().err
    assert "its clock jumps at 0:00:01.0" in said
    assert "--start" in said


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm"])
def test_a_clock_that_begins_before_0_keeps_sound_in_step(suffix):
    """The counter of a transport stream wraps: times before it count as negative."""
    make_clip(Path("one.ts"), *B_FRAMES, "-c:a", "mp2", image=SMALL, tone=TONE)
    wrap = str(2**33 / 90000 - 1.9)  # a third of a second before the end of the counter
    ffmpeg("-i", "one.ts", "-c", "copy", "-output_ts_offset", wrap, "in.ts")
    before = times(Path("in.ts"))[0], times(Path("in.ts"), 1)[0]
    assert min(before) < 0 or min(before) > 95000
    fast = FAST if suffix != ".webm" else ("--preset", "8")
    output = upscale("in.ts", f"out{suffix}", *fast)
    ahead = times(output)[0] - times(output, 1)[0]
    # Opus, which WebM holds instead of MP2, begins up to 7 ms earlier.
    assert abs(ahead - (before[0] - before[1])) <= (
        TICK_MS if suffix != ".webm" else Fraction(1, 100)
    )
    assert min(times(output)[0], times(output, 1)[0]) + Fraction(1, 100) >= 0


# The end


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_the_last_frame_is_shown_as_long_as_in_the_source(suffix):
    Path("list").write_text("ffconcat version 1.0\n")
    still = make_clip(Path("still.mkv"), *GRADUAL, "-frames:v", "1", image=SMALL)
    ffmpeg(
        *("-i", still, "-c", "copy", "-bsf:v", "setts=duration=4/TB", "-y", "slide.mp4"),
    )
    with av.open("slide.mp4") as container:
        assert container.duration == 4_000_000
    output = upscale("slide.mp4", f"out{suffix}")
    with av.open(str(output)) as container:
        assert container.duration == 4_000_000


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(
    ("part", "lengths"),
    [
        (["--frames", "3"], (1, 1, 4)),
        (["--frames", "9"], (1, 1, 4)),
        (["--end", "5"], (1, 1, 3)),
        (["--start", "1"], (1, 4)),
        (["--start", "1", "--end", "4"], (1, 2)),
    ],
)
def test_the_last_frame_keeps_its_length_in_a_part(suffix, part, lengths):
    """A long one must not be taken for the frame before it, either."""
    slow = "testsrc2=size=32x24:rate=1:duration=3"
    make_clip(Path("slow.mp4"), "-c:v", "libx264", "-bf", "0", image=slow)
    lasting = "setts=duration=if(eq(N\\,2)\\,4/TB\\,DURATION)"
    ffmpeg("-i", "slow.mp4", "-c", "copy", "-bsf:v", lasting, "-y", "slides.mp4")
    output = upscale("slides.mp4", f"out{suffix}", *part)
    with av.open(str(output)) as container:
        assert container.duration == sum(lengths) * 1_000_000
        assert len([each for each in container.demux(video=0) if each.size]) == len(lengths)
    assert times(output) == [sum(lengths[:n]) for n in range(len(lengths))]


def test_frames_of_a_constant_rate_have_the_length_of_all_others():
    clip = make_clip(Path("in.mp4"), *B_FRAMES, image=SMALL)
    output = upscale(clip, "out.mp4")  # with frames that are stored out of order
    with av.open(str(output)) as container:
        assert container.duration == 1_000_000
        assert [frame.pts * frame.time_base for frame in container.decode(video=0)] == [
            Fraction(n, 12) for n in range(12)
        ]


def test_of_two_frames_at_the_same_time_the_others_keep_theirs():
    """Hidden frames of VP8 share the time of the next one in some files."""
    clip = make_clip(Path("in.ivf"), "-c:v", "libvpx", "-lag-in-frames", "0", image=SMALL)
    data, place = bytearray(clip.read_bytes()), 32  # a header, then 12 bytes before each frame
    for number in range(12):
        data[place + 4 : place + 12] = (number - (number >= 6)).to_bytes(8, "little")
        place += 12 + int.from_bytes(data[place : place + 4], "little")
    clip = Path("in.mkv")  # the content decides
    clip.write_bytes(data)
    output = upscale(clip, "out.mkv", *FAST)
    shown = times(output)
    assert len(shown) == 12
    assert max(shown) - Fraction(10, 12) <= TICK_MS
    assert all(b > a for a, b in pairwise(shown))


# Sizes


def test_frames_whose_size_changes_become_as_large_as_the_first(capsys):
    for number, size in enumerate(("64x48", "96x64", "64x48")):
        image = f"color=size={size}:rate=12:duration=1,geq=lum='40+5*N+100*X/W':cb=128:cr=128"
        later = ("-output_ts_offset", str(number))
        make_clip(Path(f"{number}.ts"), *GRADUAL, *later, image=image)
    output = upscale(joined("in.ts", "0.ts", "1.ts", "2.ts"), "out.mkv", *FAST)
    said = capsys.readouterr().err
    assert "96x64 from 0:00:01.0 on, 64x48 from 0:00:02.0 on" in said
    assert "all become as large as the first, 64x48" in said
    result = frames(output)
    assert {frame.shape for frame in result} == {(48, 64)}
    assert len(result) == 36
    assert np.abs(result[12] - result[0]).mean() < 4  # the same picture, resampled


def clips_of_sizes(*sizes):
    for number, size in enumerate(sizes):
        image = f"color=size={size}:rate=12:duration=1,geq=lum='40+5*N+100*X/W':cb=128:cr=128"
        later = ("-output_ts_offset", str(number), "-c:a", "aac", "-shortest")
        make_clip(Path(f"{number}.ts"), *GRADUAL, *later, image=image, tone=TONE)
    return joined("in.ts", *(f"{number}.ts" for number in range(len(sizes))))


def test_split_makes_whole_parts(capsys):
    assert main(["video", "in.ts", "-o", "out.mkv", "--split", "--frames", "3"]) == 2
    assert "--split" in (error := capsys.readouterr().err)
    assert "--end instead of --frames" in error


def test_split_makes_a_file_of_each_size(capsys):
    clip = clips_of_sizes("64x48", "96x64", "64x48")
    command = ["video", str(clip), "-o", "out.mkv", "-n", "nearest", "-s", "2", *FAST, "--split"]
    assert main(command) == 0
    assert "size-changed" not in capsys.readouterr().err
    assert sorted(path.name for path in Path.cwd().glob("out*")) == [
        *("out_part1.mkv", "out_part2.mkv", "out_part3.mkv")
    ]
    for number, shape in ((1, (96, 128)), (2, (128, 192)), (3, (96, 128))):
        part = Path(f"out_part{number}.mkv")
        result = frames(part)
        assert {frame.shape for frame in result} == {shape}
        assert len(result) == 12
        lone = frames(upscale(f"{number - 1}.ts", "lone.mkv", "-s", "2", *FAST))
        for one, other in zip(result, lone, strict=True):
            assert np.abs(one.astype(int) - other).max() <= 2
        with av.open(str(part)) as container:
            assert container.streams.audio
            assert float(container.duration) / 1e6 < 1.3
    assert main([*command, "--skip-existing"]) == 0
    capsys.readouterr()


def test_an_excerpt_has_the_size_of_its_first_frame(capsys):
    clip = clips_of_sizes("64x48", "96x64")
    output = upscale(clip, "out.mkv", "--start", "1.5", *FAST)
    assert {frame.shape for frame in frames(output)} == {(64, 96)}
    assert "size" not in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_ends_with_the_excerpt_of_a_clock_that_begins_elsewhere(suffix):
    clip = make_clip(Path("in.ts"), *GRADUAL, "-c:a", "mp2", image=LONG, tone=LONG_TONE)
    output = upscale(clip, f"out{suffix}", "--end", "1", *FAST)
    assert len(times(output)) == 12
    assert 0.9 < max(times(output, 1)) < 1.05
    assert min(times(output, 1)) < 0.1


def test_a_video_of_one_size_is_not_split():
    clip = make_clip(Path("in.ts"), *GRADUAL, image=SMALL)
    assert main(["video", str(clip), "-o", "out.mkv", "-n", "nearest", "-s", "1", "--split"]) == 0
    assert Path("out.mkv").exists()


def test_a_size_that_changes_inside_matroska_is_told(capsys):
    for number, size in enumerate(("64x48", "96x64")):
        image = f"testsrc2=size={size}:rate=12:duration=1"
        make_clip(Path(f"{number}.webm"), "-c:v", "libvpx", image=image)
    Path("list").write_text("ffconcat version 1.0\nfile 0.webm\nfile 1.webm\n")
    ffmpeg("-f", "concat", "-i", "list", "-c", "copy", "in.webm")
    output = upscale("in.webm", "out.mkv", *FAST)
    assert "to 96x64: all become as large as the first, 64x48" in capsys.readouterr().err
    assert len(frames(output)) == 24


@pytest.mark.parametrize("size", ["1x1", "2x2", "1x7", "2x3"])
def test_frames_of_one_or_two_pixels(size):
    clip = make_clip(
        Path("in.mkv"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"),
        image=f"color=red:size={size}:rate=4:duration=1",
    )
    output = upscale(clip, "out.mp4")
    width, height = map(int, size.split("x"))
    assert [frame.shape for frame in frames(output)] == [(height, width)] * 4


# Streams without a container


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("h264", (*B_FRAMES, "-f", "h264")),
        ("hevc", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")),
        ("m2v", ("-c:v", "mpeg2video", "-bf", "2")),
        ("m4v", ("-c:v", "mpeg4", "-f", "m4v")),
        ("ivf", ("-c:v", "libvpx-vp9", "-cpu-used", "8")),
        ("obu", ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1")),
        ("y4m", ("-pix_fmt", "yuv420p")),
        (
            "mxf",
            (
                "-c:v",
                "mpeg2video",
            ),
        ),
        (
            "ogg",
            (
                "-c:v",
                "libtheora",
            ),
        ),
        ("3g2", GRADUAL),
        ("f4v", GRADUAL),
        (
            "rm",
            (
                "-c:v",
                "rv10",
            ),
        ),
    ],
)
def test_other_streams_and_containers_are_read_by_content(name, encoding):
    image = "testsrc2=size=128x96:rate=25:duration=0.4"
    try:
        made = make_clip(Path(f"made.{name}"), *encoding, image=image)
    except AssertionError:
        pytest.skip(f"this ffmpeg writes no {name}")
    output = upscale(made.rename("in.mkv"), "out.mkv", *FAST)
    shown = times(output)
    assert len(shown) == 10
    assert [b - a for a, b in pairwise(shown)] == pytest.approx([0.04] * 9, abs=0.0011)


# Hostile files


def test_a_playlist_opens_no_other_file(capsys):
    make_clip(Path("secret.mp4"), *GRADUAL, image=SMALL)
    playlists = {
        "concat.mp4": "ffconcat version 1.0\nfile secret.mp4\n",
        "self.mp4": "ffconcat version 1.0\nfile self.mp4\n",
        "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        "dash.mp4": "<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>\n",
        "sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    }
    for name, text in playlists.items():
        Path(name).write_text(text)
        refused(name)
        said = capsys.readouterr().err
        assert "which may name other files: it is not opened" in said or "no video" in said
        assert "internal" not in said


def test_pictures_are_no_videos(capsys):
    make_clip(Path("made.png"), "-frames:v", "1", image=SMALL)
    refused(Path("made.png").rename("in.mp4"))
    assert "of a kind that is not opened" in capsys.readouterr().err


def test_damage_while_the_end_of_a_part_is_looked_for_is_no_internal_error(capsys):
    """FLV without an index answers every search with an error."""
    clip = make_clip(Path("in.flv"), "-c:v", "flv1", image=SMALL)
    output = upscale(clip, "out.mkv", "--frames", "5", *FAST)
    assert len(times(output)) == 5


# What comes along


def beeping(path, *encoding):
    """A clip that flashes and beeps from its second 1 on."""
    flash = "color=black:size=64x48:rate=24:duration=2,geq=lum='if(gte(T,1),235,16)':cb=128:cr=128"
    beep = "aevalsrc='if(gte(t,1),sin(2000*t),0)':sample_rate=48000:duration=2"
    return make_clip(path, *B_FRAMES, "-c:a", "aac", *encoding, image=flash, tone=beep)


def flash_and_beep(path):
    """When it flashes, and when it beeps, s."""
    with av.open(str(path)) as container:
        flash = next(
            frame.time
            for frame in container.decode(video=0)
            if frame.to_ndarray(format="gray").mean() > 128
        )
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray()[0]) > 0.1
            if frame.pts is not None and loud.any():
                return flash, frame.time + int(loud.argmax()) / frame.sample_rate
    raise AssertionError("silence")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_what_an_edit_list_cuts_off_leaves_flash_and_beep_together(suffix):
    beeping(Path("whole.mp4"))
    ffmpeg("-ss", "0.4", "-i", "whole.mp4", "-c", "copy", "in.mp4")
    flash, beep = flash_and_beep("in.mp4")
    assert flash < 0.7
    output = upscale("in.mp4", f"out{suffix}")
    assert flash_and_beep(output) == pytest.approx((flash, beep), abs=0.003)


def spherical(path, source, *, xml=b""):
    """Marks an MP4 as half a sphere, one view above the other; or as Spherical Video V1."""

    def box(kind, content):
        return (len(content) + 8).to_bytes(4, "big") + kind + content

    pose = b"".join(int(angle * 65536).to_bytes(4, "big") for angle in (90, 0, 45))
    half = bytes(12) + bytes.fromhex("4000000040000000")
    sphere = box(b"prhd", bytes(4) + pose) + box(b"equi", half)
    marks = box(b"st3d", bytes((0, 0, 0, 0, 1)))
    marks += box(b"sv3d", box(b"svhd", bytes(5)) + box(b"proj", sphere))
    data = source.read_bytes()  # with its header last, so that nothing else moves
    begin = data.index(b"avc1", data.index(b"stsd")) - 4
    parents = [
        data.index(kind) - 4 for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    ]
    place = begin + int.from_bytes(data[begin : begin + 4], "big")
    if xml:
        marks = box(b"uuid", bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + xml)
        parents = parents[:2]
        place = parents[1] + int.from_bytes(data[parents[1] : parents[1] + 4], "big")
    else:
        parents.append(begin)
    changed = bytearray(data[:place] + marks + data[place:])
    for parent in parents:
        size = int.from_bytes(changed[parent : parent + 4], "big") + len(marks)
        changed[parent : parent + 4] = size.to_bytes(4, "big")
    path.write_bytes(changed)
    return path


@pytest.mark.parametrize("title", [None, "North"])
@pytest.mark.parametrize("way", [("mp4",), ("mov",), ("mkv",), ("mkv", "mp4"), ("webm", "mkv")])
def test_marks_of_a_spherical_video_come_along(capfd, way, title):
    tags = () if title is None else ("-metadata:s:v:0", f"title={title}")
    made = make_clip(Path("made.mp4"), *GRADUAL, *tags, image=SMALL)
    source = spherical(Path("in.mp4"), made)
    wanted = read_projection(source, 0)
    assert (wanted.stereo, wanted.kind, wanted.pose) == (1, b"equi", (90.0, 0.0, 45.0))
    for suffix in way:
        fast = FAST if suffix != "webm" else ("--preset", "8")
        source = upscale(source, f"out.{suffix}", *fast)
        assert read_projection(source, 0) == wanted
        assert probe(source).sample_aspect_ratio == 1
        tags = {tag.lower(): text for tag, text in probe(source).stream.tags.items()}
        assert tags.get("title", tags.get("name")) == title  # MP4 calls it so
        assert "." * 40 not in source.read_bytes().decode("latin-1")
        assert len(frames(source)) == 12
    ffmpeg("-err_detect", "crccheck", "-i", source, "-f", "null", "-")
    assert "projection" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_first_version_of_spherical_marks_comes_along(suffix):
    xml = b"<rdf:SphericalVideo><GSpherical:StereoMode>left-right</GSpherical:StereoMode>"
    made = make_clip(Path("made.mp4"), *GRADUAL, image=SMALL)
    source = spherical(Path("in.mp4"), made, xml=xml)
    output = upscale(source, f"out{suffix}", *FAST)
    after = read_projection(output, 0)
    assert (after.stereo, after.kind) == (2, b"equi")
    assert after.xml == (None if suffix == ".mkv" else xml)


def test_aspect_ratios_are_kept_exactly():
    clip = make_clip(
        Path("in.mp4"), "-vf", "setsar=ratio=1081/1080:max=65535", *GRADUAL, image=SMALL
    )
    assert probe(clip).sample_aspect_ratio == Fraction(1081, 1080)
    output = upscale(clip, "out.mp4", *FAST)
    assert probe(output).sample_aspect_ratio == Fraction(1081, 1080)


@pytest.mark.parametrize("curve", ["bt470m", "bt470bg"])
def test_colors_whose_curve_is_a_power_are_kept(curve):
    clip = make_clip(Path("in.mp4"), "-vf", f"setparams=color_trc={curve}", *GRADUAL, image=SMALL)
    assert probe(upscale(clip, "out.mp4", *FAST)).color.transfer == probe(clip).color.transfer > 3


def test_a_cover_that_comes_first_without_a_mark_is_no_film(capsys):
    make_clip(Path("cover.png"), "-frames:v", "1")
    make_clip(Path("film.mkv"), *GRADUAL, image=SMALL)
    ffmpeg("-i", "cover.png", "-i", "film.mkv", "-map", "0", "-map", "1", "-c", "copy", "in.mkv")
    output = upscale("in.mkv", "out.mkv", *FAST)
    assert "films" not in capsys.readouterr().err
    assert len(times(output)) == 12
    assert probe(output).size == probe(Path("film.mkv")).size


def two_films(path):
    make_clip(Path("one.mkv"), *GRADUAL, image=SMALL)
    make_clip(Path("two.mkv"), *GRADUAL, image="testsrc2=size=48x32:rate=6:duration=1")
    ffmpeg("-i", "one.mkv", "-i", "two.mkv", "-map", "0", "-map", "1", "-c", "copy", path)
    return path


def test_of_two_films_the_choice_is_told_and_can_be_made(capsys):
    clip = two_films(Path("in.mkv"))
    upscale(clip, "first.mkv", *FAST)
    said = capsys.readouterr().err
    assert "holds 2 films: stream 0 is upscaled, and 1 copied" in said
    assert "--video-stream" in said
    output = upscale(clip, "second.mkv", "--video-stream", 1, "-s", 2, *FAST)
    assert "films" not in capsys.readouterr().err
    assert frames(output)[0].shape == (64, 96)
    assert len(frames(output)) == 6
    refused(clip, "--video-stream", 2)
    assert "has other video streams: 0, 1" in capsys.readouterr().err


@pytest.mark.parametrize(("codec", "crf"), [("libx264rgb", ("--crf", "0")), ("ffv1", ())])
def test_rgb_becomes_another_kind_and_says_so_or_stays_as_it_is(capsys, codec, crf):
    clip = make_clip(Path("in.mkv"), "-c:v", "ffv1", "-pix_fmt", "gbrp", image=SMALL)
    upscale(clip, "out.mkv", *FAST)
    said = capsys.readouterr().err
    assert "is RGB and becomes yuv444p" in said
    assert "--codec libx264rgb with --crf 0" in said
    output = upscale(clip, "exact.mkv", "--codec", codec, *crf)
    assert "RGB" not in capsys.readouterr().err
    with av.open(str(clip)) as a, av.open(str(output)) as b:
        for x, y in zip(a.decode(video=0), b.decode(video=0), strict=True):
            np.testing.assert_array_equal(
                x.to_ndarray(format="rgb24"), y.to_ndarray(format="rgb24")
            )


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_the_time_code_of_a_group_of_pictures_comes_along(suffix):
    code = ("-timecode", "01:02:03:04")
    clip = make_clip(Path("in.mpg"), "-c:v", "mpeg2video", *code, "-r", "25", image=SMALL)
    assert probe(clip).notes.timecode == "01:02:03:04"
    tags = probe(upscale(clip, f"out{suffix}", *FAST)).stream.tags
    assert "01:02:03:04" in tags.values()


def test_a_data_track_that_cannot_be_written_is_left_out_in_words(capsys):
    """ffmpeg writes metadata tracks of iPhones without their description."""
    clip = with_metadata_track(Path("in.mov"))
    output = upscale(clip, "out.mov", *FAST)
    said = capsys.readouterr().err
    assert "data stream 1 (eng) is left out, because ffmpeg cannot write it into QuickTime" in said
    assert [each.kind for each in probe(output).streams] == ["video"]
    upscale(clip, "out.mkv", *FAST)
    said = capsys.readouterr().err
    assert "because Matroska cannot hold it" in said
    assert ".mkv may" not in said


def with_metadata_track(path):
    """A film whose time code track calls itself one of metadata (``mebx``)."""
    made = make_clip(Path("made.mov"), *GRADUAL, "-timecode", "01:00:00:00", image=SMALL)
    data = made.read_bytes()
    path.write_bytes(data.replace(b"tmcd", b"mebx"))
    return path


# What is attached to frames


class Side:
    """A frame with something attached."""

    def __init__(self, **attached):
        self.side_data = {SideData[kind]: data for kind, data in attached.items()}


class Unknown:
    """A frame with something attached that PyAV does not know."""

    def __init__(self, number):
        self.number = number

    @property
    def side_data(self):
        raise ValueError(f"{self.number} is not a valid Type")


def test_what_is_attached_to_frames_is_read():
    bits = 1 << 24 | 1 << 19 | 2 << 13 | 3 << 6 | 4
    frame = Side(A53_CC=b"", DYNAMIC_HDR_PLUS=b"", GOP_TIMECODE=bits.to_bytes(8, "little"))
    notes = notes_of(frame)
    assert notes.has_captions
    assert notes.has_hdr10_plus
    assert notes.timecode == "01:02:03;04"
    assert not notes.has_dolby_vision
    assert notes_of(Side(DOVI_METADATA=b"")).has_dolby_vision
    assert notes_of(Unknown("29")) == FrameNotes(is_multiview=True, is_unknown=True)
    assert notes_of(Unknown("28")) == FrameNotes(is_unknown=True)
    assert notes_of(Side(GOP_TIMECODE=bytes(8))).timecode is None


def test_losses_of_what_is_attached_are_told():
    info = probe(make_clip(Path("in.mp4"), *GRADUAL, image=SMALL))
    notes = FrameNotes(has_dolby_vision=True, has_hdr10_plus=True, is_multiview=True)
    said = {each.code: str(each) for each in notices_of(replace(info, notes=notes), DEFAULT_VIDEO)}
    assert set(said) == {"view-dropped", "hdr-metadata-dropped"}
    assert "Dolby Vision and HDR10+" in said["hdr-metadata-dropped"]


@pytest.mark.parametrize("name", ["ff_stereo_spatial.mp4", "ax_water_180_mvhevc_5frames.mov"])
def test_several_views_in_one_stream_stop_nothing(capsys, name):
    output = upscale(shared(f"cases/videos/{name}"), "out.mp4", *FAST)
    assert "only the first is upscaled" in capsys.readouterr().err
    assert len(frames(output)) in (5, 10)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm"])
def test_captions_inside_frames_become_a_text_track(capsys, suffix):
    name = "in.ts" if os.name == "nt" else "c:c'd[e],f;g\\h=i.ts"
    clip = captioned(Path(name), "HELLO ")
    fast = FAST if suffix != ".webm" else ("--preset", "8")
    output = upscale(clip, f"out{suffix}", *fast)
    assert "captions inside its frames become a text track" in capsys.readouterr().err
    ffmpeg("-i", output, "-map", "0:s", "text.srt")
    _, when, text = Path("text.srt").read_text().splitlines()[:3]
    assert "HELLO" in text
    assert when == "00:00:00,750 --> 00:00:02,000"  # from the start of the film


def test_captions_of_a_part_are_left_out_in_words(capsys):
    upscale(captioned(Path("in.mp4"), "HI"), "out.mkv", "--frames", "3", *FAST)
    assert "captions inside its frames are left out" in capsys.readouterr().err
