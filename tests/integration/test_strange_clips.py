"""Videos as strangers have them: joined, resized, tiny, without a container, or hostile."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from realesr.cli.main import main

from support.clips import GRADUAL, TONE, ffmpeg, make_clip, payloads, times

TICK_MS = Fraction(1, 1000)
FAST = ("--preset", "ultrafast")
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
