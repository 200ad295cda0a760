"""Videos through the command: what comes in comes out, in its time."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from realesr.cli.main import main
from realesr.engine.interpolation import Interpolator
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.probe import probe

from support.clips import (
    GRADUAL,
    TONE,
    decoded,
    deep_luma,
    ffmpeg,
    make_clip,
    make_rich_clip,
    payloads,
    times,
)
from support.networks import tiny_weights

TICK_MS = Fraction(1, 1000)
FAST = ("--preset", "ultrafast")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def video(*arguments, model="nearest"):
    return main(["video", "-n", model, *map(str, arguments)])


def upscale(source, output, *arguments):
    assert video("-i", source, "-o", output, "-s", 1, *arguments) == 0
    return output


def assert_same_times(source, output, tick, index=0, shift=0):
    before, after = times(source, index), times(output, index)
    assert len(before) == len(after)
    assert max(abs(a - shift - b) for a, b in zip(before, after, strict=True)) <= tick / 2


# Times


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_every_frame_of_a_clip_of_variable_rate_keeps_its_time(tmp_path, suffix):
    clip = make_clip(
        tmp_path / "in.mkv",
        *("-vf", "setpts='PTS+0.5/TB+floor(N/3)*0.05/TB'", "-fps_mode", "passthrough"),
        *("-af", "asetpts=PTS+0.25/TB", "-c:a", "libopus", *GRADUAL),
        tone=TONE,
    )
    fast = FAST if suffix != ".webm" else ("--preset", "8")
    output = upscale(clip, tmp_path / f"out{suffix}", *fast)
    assert len({b - a for a, b in zip(times(clip), times(clip)[1:], strict=False)}) > 1
    assert_same_times(clip, output, TICK_MS)
    if suffix != ".mov":  # which holds no Opus
        assert_same_times(clip, output, 2 * TICK_MS, index=1)
        assert payloads(output, 1) == payloads(clip, 1)


@pytest.mark.parametrize("late", ["video", "audio"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_late_stream_stays_late(tmp_path, late, suffix):
    shift = {"video": ("-vf", "setpts=PTS+0.7/TB"), "audio": ("-af", "asetpts=PTS+0.7/TB")}
    clip = make_clip(tmp_path / "in.mp4", *shift[late], *GRADUAL, "-c:a", "aac", tone=TONE)
    output = upscale(clip, tmp_path / f"out{suffix}", *FAST)
    assert_same_times(clip, output, TICK_MS)
    assert_same_times(clip, output, TICK_MS, index=1)


def test_the_clock_of_a_transport_stream_begins_at_0_for_all_streams_alike(tmp_path, capsys):
    clip = make_clip(
        tmp_path / "in.ts", *GRADUAL, "-c:a", "mp2", "-output_ts_offset", "38.9", tone=TONE
    )
    start = min(*times(clip), *times(clip, 1))
    assert start > 38
    assert video("-i", clip, *FAST) == 0
    assert f"its clock begins at {float(start):.2f} s" in capsys.readouterr().err
    output = tmp_path / "results/in_out.mkv"
    assert_same_times(clip, output, TICK_MS, shift=start)
    assert_same_times(clip, output, TICK_MS, index=1, shift=start)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("in.flv", (*GRADUAL, "-c:a", "aac")),
        ("in.avi", ("-c:v", "mpeg4", "-c:a", "mp3", "-b:v", "1M")),
        ("in.mpg", ("-c:v", "mpeg2video", "-c:a", "mp2", "-b:v", "1M")),
        ("in.wmv", ("-c:v", "wmv2", "-c:a", "wmav2", "-b:v", "1M")),
        ("in.3gp", (*GRADUAL, "-c:a", "aac")),
        ("in.m2ts", (*GRADUAL, "-c:a", "ac3")),
    ],
)
def test_other_containers_are_read(tmp_path, name, encoding):
    clip = make_clip(tmp_path / name, *encoding, tone=TONE)
    output = upscale(clip, tmp_path / "out.mkv", *FAST)
    with av.open(str(clip)) as container:
        before = sorted(frame.pts * frame.time_base for frame in container.decode(video=0))
    if clip.suffix in (".mpg", ".m2ts"):  # whose clocks begin anywhere
        start = min(before[0], times(clip, 1)[0])
        before = [time - start for time in before]
    after = times(output)
    assert len(after) == len(before) == 24
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= TICK_MS / 2
    assert payloads(output, 1) == payloads(clip, 1)


def test_a_clip_without_a_duration_and_a_count_of_frames(tmp_path):
    source = make_clip(tmp_path / "whole.mkv", *GRADUAL)
    with source.open("rb") as whole:
        clip = tmp_path / "in.mkv"
        command = ["-f", "matroska", "-i", f"file:{source}", "-c", "copy", "-f", "matroska"]
        ffmpeg(*command, "-live", "1", "-y", f"file:{clip}")
        assert whole.read(4) == clip.read_bytes()[:4]
    assert probe(clip).frames in (None, 24)
    assert_same_times(clip, upscale(clip, tmp_path / "out.mkv", *FAST), TICK_MS)


def test_flashes_and_beeps_stay_together_for_ten_minutes(tmp_path):
    """One flash and one beep a minute; a drift of a thousandth would come to 600 ms."""
    flash = (
        "color=black:size=32x32:rate=30000/1001:duration=601,"
        "geq=lum='if(lt(mod(T,60),0.1),235,16)':cb=128:cr=128"
    )
    beep = "aevalsrc='if(lt(mod(t,60),0.1),sin(2000*t),0)':sample_rate=8000:duration=601"
    clip = make_clip(tmp_path / "in.mkv", *GRADUAL, "-c:a", "flac", image=flash, tone=beep)
    output = upscale(clip, tmp_path / "out.mp4", *FAST)
    assert_same_times(clip, output, TICK_MS)
    assert payloads(output, 1) == payloads(clip, 1)
    assert_same_times(clip, output, TICK_MS, index=1)
    with av.open(str(clip)) as before, av.open(str(output)) as after:
        flashes = [
            [frame.time for frame in c.decode(video=0) if frame.to_ndarray()[:32].mean() > 128]
            for c in (before, after)
        ]
    assert len(flashes[0]) >= 30
    assert flashes[1] == pytest.approx(flashes[0], abs=0.001)


def test_fps_changes_the_speed_and_no_frame(tmp_path, capsys):
    clip = make_clip(tmp_path / "in.mp4", *GRADUAL)
    output = upscale(clip, tmp_path / "out.mp4", "--fps", "12", *FAST)
    assert times(output) == [Fraction(n, 12) for n in range(24)]


# Streams


@pytest.fixture
def rich(tmp_path):
    return make_rich_clip(tmp_path)


def test_matroska_keeps_everything(tmp_path, rich, capsys):
    output = upscale(rich, tmp_path / "out.mkv", *FAST)
    assert "note" not in capsys.readouterr().err
    before, after = probe(rich), probe(output)
    assert list(map(str, after.streams)) == list(map(str, before.streams))
    assert [s.dispositions for s in after.streams] == [s.dispositions for s in before.streams]
    for index in (1, 2, 3):
        assert payloads(output, index) == payloads(rich, index)
    with av.open(str(rich)) as a, av.open(str(output)) as b:
        assert b.metadata["title"] == "A video"
        assert b.chapters() == a.chapters()
        assert b.streams[4].metadata["filename"] == "font.ttf"


def test_what_a_container_cannot_carry_is_converted_or_left_out_by_name(tmp_path, rich, capsys):
    output = upscale(rich, tmp_path / "out.mp4", *FAST)
    errors = capsys.readouterr().err
    assert "subtitle stream 3 (subrip, eng) becomes mov_text" in errors
    assert "attachment stream 4" in errors
    assert ".mkv may" in errors
    streams = probe(output).streams
    assert [str(s) for s in streams[:4]] == [
        "video stream 0 (h264)",
        "audio stream 1 (aac, eng)",
        "audio stream 2 (aac, deu)",
        "subtitle stream 3 (mov_text, eng)",
    ]
    with av.open(str(output)) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["One", "Two"]
        assert container.metadata["title"] == "A video"
    back = upscale(output, tmp_path / "back.mkv", *FAST)
    assert "subtitle stream 3 (subrip, eng)" in map(str, probe(back).streams)


def test_sound_that_webm_cannot_carry_becomes_opus(tmp_path, rich, capsys):
    output = upscale(rich, tmp_path / "out.webm", "--preset", "8")
    kinds = [(s.kind, s.codec) for s in probe(output).streams]
    assert kinds == [("video", "vp9"), ("audio", "opus"), ("audio", "opus"), ("subtitle", "webvtt")]


def test_a_cover_stays_a_cover(tmp_path):
    make_clip(tmp_path / "video.mp4", *GRADUAL)
    make_clip(tmp_path / "cover.png", "-frames:v", "1")
    clip = tmp_path / "in.mp4"
    ffmpeg(
        *("-i", tmp_path / "video.mp4", "-i", tmp_path / "cover.png", "-map", "1", "-map", "0"),
        *("-c", "copy", "-disposition:v:0", "attached_pic", clip),
    )
    output = upscale(clip, tmp_path / "out.mp4", *FAST)
    assert sorted(s.is_cover for s in probe(output).streams) == [False, True]
    assert probe(output).frames == 24


# Images


def test_a_turned_clip_comes_out_upright(tmp_path):
    make_clip(tmp_path / "upright.mp4", *GRADUAL)
    clip = tmp_path / "in.mp4"
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "upright.mp4", "-c", "copy", clip)
    output = upscale(clip, tmp_path / "out.mp4", *FAST)
    info = probe(output)
    assert (info.size.width, info.size.height) == (48, 64)
    with av.open(str(output)) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_pixels_that_are_not_square_stay_so(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", "-vf", "setsar=64/45", *GRADUAL)
    output = upscale(clip, tmp_path / "out.mkv", *FAST)
    assert probe(output).sample_aspect_ratio == Fraction(64, 45)


def test_fields_become_frames_unless_told_otherwise(tmp_path, capsys):
    moving = "nullsrc=size=64x48:rate=50:duration=1,geq=lum='128+90*sin((X+9*N)/5)':cb=128:cr=128"
    clip = make_clip(
        tmp_path / "in.mkv",
        *("-vf", "interlace", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2"),
        image=moving,
    )
    upscale(clip, tmp_path / "auto.mkv", *FAST)
    assert "is interlaced" in capsys.readouterr().err
    upscale(clip, tmp_path / "off.mkv", "--deinterlace", "off", *FAST)
    assert "is interlaced" not in capsys.readouterr().err
    assert_same_times(clip, tmp_path / "auto.mkv", TICK_MS)

    def comb(path):
        """How much rows differ from their neighbors rather than from those two away."""
        frames = [frame[:48].astype(float) for frame in decoded(path, "yuv420p")]
        near = np.mean([np.abs(f[1:-1] - f[:-2]).mean() for f in frames])
        return near / np.mean([np.abs(f[2:] - f[:-2]).mean() for f in frames])

    assert comb(tmp_path / "auto.mkv") < 0.9 * comb(tmp_path / "off.mkv")


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "gray"])
def test_odd_sizes_become_legal_and_chroma_stays(tmp_path, pixel_format):
    clip = make_clip(
        tmp_path / "in.mkv",
        *("-c:v", "ffv1", "-pix_fmt", pixel_format),
        image="mandelbrot=size=33x21:rate=5,trim=duration=1",
    )
    info = probe(upscale(clip, tmp_path / "out.mkv", *FAST))
    if pixel_format != "gray":  # which FFmpeg's H.264 decoder hands out with even colors
        assert info.pixel_format.name == pixel_format
    expected = {"yuv420p": (34, 22), "yuv422p": (34, 21)}.get(pixel_format, (33, 21))
    assert (info.size.width, info.size.height) == expected


def test_a_size_that_was_asked_for_and_is_not_made_is_told(tmp_path, capsys):
    clip = make_clip(tmp_path / "in.mkv", "-frames:v", "1", image="testsrc2=size=32x20:rate=5")
    for options, is_told in ((["--width", "51", "--height", "31"], True), (["-s", "0.9"], False)):
        capsys.readouterr()
        assert video("-i", clip, "-o", tmp_path / "out.mkv", *options) == 0
        assert ("52x32 px instead of 51x31" in capsys.readouterr().err) == is_told


def test_video_that_is_rgb_becomes_full_chroma(tmp_path):
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "gbrp")
    info = probe(upscale(clip, tmp_path / "out.mkv", *FAST))
    assert info.pixel_format.name == "yuv444p"
    assert info.color.matrix == 1


@pytest.mark.parametrize(("depth", "codec"), [(10, "hevc"), (12, "hevc")])
def test_depth_comes_through(tmp_path, depth, codec):
    """A ramp that 8 bits could not hold comes out with as many levels."""
    ramp = (
        "color=black:size=256x16:rate=5:duration=1,format=gray16le,"
        f"geq=lum='X*64+{2**15}',format=yuv420p{depth}le"
    )
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", image=ramp)
    output = upscale(clip, tmp_path / "out.mkv", "--crf", 0, *FAST)
    info = probe(output)
    assert (info.stream.codec, info.pixel_format.name) == (codec, f"yuv420p{depth}le")
    before, after = deep_luma(clip), deep_luma(output)
    assert len(np.unique(before)) > 64
    assert np.abs(after.astype(int) - before).max() <= 2 ** (depth - 8) / 2


def test_hdr_keeps_its_transfer_and_its_mastering_metadata(tmp_path):
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    clip = make_clip(
        tmp_path / "in.mkv",
        *("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-preset", "ultrafast"),
        *("-vf", "setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084"),
        "-x265-params",
        f"log-level=none:hdr10=1:repeat-headers=1:master-display={display}:max-cll=1000,400",
    )
    before, after = probe(clip), probe(upscale(clip, tmp_path / "out.mkv", *FAST))
    assert (before.hdr_metadata.display, before.hdr_metadata.content) == (display, (1000, 400))
    assert before.color.is_hdr
    assert after.color == before.color
    assert after.hdr_metadata == before.hdr_metadata
    assert after.pixel_format == before.pixel_format


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("in.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-cpu-used", "8")),
        ("in.mov", ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")),
    ],
)
def test_alpha_is_kept_or_its_loss_is_told(tmp_path, capsys, name, encoding):
    holes = (
        "testsrc2=size=64x48:rate=5:duration=1,format=rgba,"
        "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,32),0,255)'"
    )
    clip = make_clip(tmp_path / name, *encoding, image=holes)
    assert probe(clip).pixel_format.has_alpha
    output = upscale(clip, tmp_path / f"out{clip.suffix}")
    assert probe(output).pixel_format.has_alpha
    assert "transparency" not in capsys.readouterr().err
    upscale(clip, tmp_path / "out.mp4", *FAST)
    assert "holds no transparency: laid on white" in capsys.readouterr().err
    with av.open(str(tmp_path / "out.mp4")) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="gray")
    assert pixels[:, :24].min() > 252


# Trouble


def broken(tmp_path):
    """A clip in whose midst some frames cannot be decoded."""
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    # From one image's start to the next but one there is no image.
    start = data.index(b"\xff\xd8", middle)
    end = data.index(b"\xff\xd8", start + 2)
    data[start : end - 16] = bytes(end - 16 - start)
    clip.write_bytes(data)
    return clip


def test_a_title_that_is_not_utf_8_is_no_obstacle(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", "-metadata", "title=NOTUTF8")
    clip.write_bytes(clip.read_bytes().replace(b"NOTUTF8", b"\xe9\xe9\xe9UTF8"))
    assert video("-i", clip, "-o", "out.mp4", "-s", 1, *FAST) == 0
    assert b"UTF8" in (tmp_path / "out.mp4").read_bytes()


def test_the_log_that_old_torchvision_switches_on_is_off(tmp_path):
    """With it, a decoder thread and the closing of its container can wait for each other."""
    clip = make_clip(tmp_path / "in.mp4", *GRADUAL)
    av.logging.set_level(av.logging.ERROR)
    upscale(clip, tmp_path / "out.mp4", *FAST)
    assert av.logging.get_level() is None


def test_frames_that_cannot_be_decoded_are_counted(tmp_path, capsys):
    clip = broken(tmp_path)
    assert video("-i", clip, "-o", "out.mkv", "-s", 1, "--json", *FAST) == 0
    out, err = capsys.readouterr()
    assert "1 frame cannot be decoded" in err
    (line,) = (json.loads(text) for text in out.splitlines())
    assert (line["frames"], line["decode_errors"]) == (23, 1)
    kept = times(Path("out.mkv"))
    assert len(kept) == 23
    assert set(kept) < set(times(clip))
    assert video("-i", clip, "-o", "strict.mkv", "--strict", *FAST) == 1
    assert not Path("strict.mkv").exists()
    assert "--strict" in capsys.readouterr().err


def assert_nothing_in(folder):
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--encoder-args=-frames:v 5"], "ended early"),
        (["--encoder-args=-bsf:v no_such_filter"], "no_such_filter"),
        (["--codec", "nonsense"], "no such video encoder"),
        (["--pix-fmt", "nonsense"], "yuv420p"),
        (["--preset", "nonsense"], "nonsense"),
    ],
)
def test_an_encoder_that_fails_leaves_no_output(tmp_path, capsys, arguments, message):
    make_clip(tmp_path / "in.mp4", *GRADUAL)
    assert video("-i", "in.mp4", "-o", "out", *arguments) == 1
    assert message in capsys.readouterr().err
    assert_nothing_in(tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="runs a shell script")
def test_a_decoder_that_dies_leaves_no_output(tmp_path, capsys):
    clip = make_clip(tmp_path / "in.mp4", *GRADUAL)
    program = tmp_path / "dying"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *pipe:1*) {find_ffmpeg()} "$@" | head -c 50000; '
        f'echo "[dec] [error] out of luck" >&2; exit 9;; esac\nexec {find_ffmpeg()} "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert video("-i", clip, "-o", "out", "--ffmpeg-bin", program) == 1
    assert "out of luck" in capsys.readouterr().err
    assert_nothing_in(tmp_path / "out")


def test_a_network_that_fails_in_the_midst_leaves_no_output(tmp_path, capsys, monkeypatch):
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in/1.mp4", *GRADUAL)
    make_clip(tmp_path / "in/2.mp4", *GRADUAL)
    calls = []
    original = Interpolator.upscale_to

    def explode(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 5:
            raise ZeroDivisionError("by design")
        return original(self, *arguments, **options)

    monkeypatch.setattr(Interpolator, "upscale_to", explode)
    assert video("-i", "in", "-o", "out", *FAST) == 1
    errors = capsys.readouterr().err
    assert "1.mp4: ZeroDivisionError: by design" in errors
    assert "1 of 2 videos failed, 1 done" in errors
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2_out.mp4"]


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    make_clip(tmp_path / "in.mp4", *GRADUAL)

    def interrupt(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Interpolator, "upscale_to", interrupt)
    assert video("-i", "in.mp4", "-o", "out") == 130
    assert_nothing_in(tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mp4", b"", "damaged, cut short or no video"),
        ("a.mkv", b"nothing of the kind" * 100, "damaged, cut short or no video"),
        ("a.gif", b"GIF89a", "`realesr image` upscales images"),
        ("a.png", b"", "`realesr image` upscales images"),
        ("a.txt", b"", "not the name of a video: must end with one of .mp4"),
    ],
)
def test_what_is_no_video_is_named(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert video("-i", name) == 1
    errors = capsys.readouterr().err
    assert name in errors
    assert message in errors


def test_sound_alone_is_no_video(tmp_path, capsys):
    ffmpeg("-f", "lavfi", "-i", TONE, "-c:a", "aac", tmp_path / "a.mp4")
    assert video("-i", "a.mp4") == 1
    assert "holds no video, only audio" in capsys.readouterr().err


def test_an_ffmpeg_that_will_not_do_is_refused(tmp_path, capsys):
    make_clip(tmp_path / "in.mp4", *GRADUAL)
    assert video("-i", "in.mp4", "--ffmpeg-bin", "no-such-program") == 1
    assert "there is no such program" in capsys.readouterr().err
    assert video("-i", "in.mp4", "--ffmpeg-bin", sys.executable) == 1
    assert "older than 6.1, or no ffmpeg" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="names and files of POSIX")
def test_names_and_neighbors_of_any_kind(tmp_path, capsys):
    """A name that is not text, a clip without a suffix, sound, and what is no file."""
    folder = tmp_path / "in"
    folder.mkdir()
    clip = make_clip(folder / "a.mp4", *GRADUAL, image="testsrc=size=32x24:rate=10:duration=0.4")
    names = [b"b\xff.mp4", b"c\x1b[31m\n.mp4", b"clip"]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(clip.read_bytes())
    os.mkfifo(folder / "pipe.mp4")
    (folder / "loop.mp4").symlink_to("loop.mp4")
    ffmpeg("-f", "lavfi", "-i", TONE, "-c:a", "libopus", folder / "sound.ogg")
    assert video("in", "gone.mp4", "-o", "out", "-s", 1, *FAST, "--json") == 1
    output, errors = capsys.readouterr()
    ends = [line for line in map(json.loads, output.splitlines()) if line["event"] == "end"]
    done = {os.fsencode(end["input"]): os.fsencode(end["output"]) for end in ends if end["output"]}
    assert done == {
        b"in/a.mp4": b"out/a_out.mp4",
        b"in/b\xff.mp4": b"out/b\xff_out.mp4",
        b"in/c\x1b[31m\n.mp4": b"out/c\x1b[31m\n_out.mp4",
        b"in/clip": b"out/clip_out.mp4",
    }
    for path in (tmp_path / "out").iterdir():
        assert_same_times(clip, path, TICK_MS)
    assert {end["input"] for end in ends if end["error"]} == {"in/loop.mp4", "gone.mp4"}
    assert "\x1b" not in errors
    assert "in/pipe.mp4 is a FIFO: left out" in errors
    assert "left out, no videos: 1 (sound.ogg)" in errors
    assert video("in/pipe.mp4", "-o", "out") == 1
    assert "is a FIFO, and no file that a video can be read from" in capsys.readouterr().err


# Use


def test_a_network_upscales_a_folder_and_counts_what_it_does(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    still = "color=red:size=32x24:rate=10:duration=1"
    make_clip(tmp_path / "in/ein Video ü 電影.mp4", *GRADUAL, image=still)
    make_clip(tmp_path / "in/-leading.mkv", "-c:v", "ffv1", image=still)
    (tmp_path / "in/photo.png").write_bytes(b"")
    weights = tiny_weights(tmp_path)
    command = ["video", "-i", "in", "-o", "out", "--model-path", str(weights), "--json", *FAST]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "left out, no videos: 1 (photo.png)" in err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in lines] == ["end", "end"]
    first = lines[0]
    assert first["output"] == "out/-leading_out.mkv"
    assert first["output_size"] == [128, 96]
    assert (first["frames"], first["duplicate_frames"]) == (10, 9)  # lossless: all are equal
    assert set(first["stages"]) == {"reading_s", "inference_s", "writing_s", "waiting_s"}
    assert first["fps"] > 0
    assert len(times(Path("out/ein Video ü 電影_out.mp4"))) == 10
    assert main([*command, "--skip-existing"]) == 0
    assert "left alone, outputs exist: 2" in capsys.readouterr().err


def test_frames_that_are_equal_look_equal(tmp_path, capsys):
    """Two frames alternate with repetitions: what is computed once is shown at the right times."""
    image = "testsrc2=size=32x24:rate=10:duration=2,fps=4,fps=12,format=gbrp"
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p", image=image)
    assert video("-i", clip, "-o", "out.mkv", "--codec", "ffv1", "-s", 2, "--json") == 0
    line = json.loads(capsys.readouterr().out)
    assert 12 <= line["duplicate_frames"] <= 18
    before, after = decoded(clip, "yuv444p"), decoded(Path("out.mkv"), "yuv444p")
    assert len(before) == len(after) == line["frames"]
    for a, b in zip(before, after, strict=True):
        assert np.abs(b[:, ::2, ::2].astype(int) - a).max() <= 2


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_an_excerpt_is_exact_and_its_sound_fits(tmp_path, suffix):
    clip = make_clip(
        tmp_path / "in.mkv",
        *(*GRADUAL, "-c:a", "flac"),
        image="testsrc2=size=64x48:rate=24:duration=6",
        tone="sine=frequency=440:sample_rate=48000:duration=6",
    )
    output = upscale(clip, tmp_path / f"o{suffix}", "--start", "0:02.5", "--end", 4, *FAST)
    expected = [t - Fraction(5, 2) for t in times(clip) if Fraction(5, 2) <= t < 4]
    assert len(expected) == 36
    assert len(times(output)) == 36
    shift = times(output)[0] - expected[0]
    assert abs(shift) <= TICK_MS
    sound = [t - Fraction(5, 2) for t in times(clip, 1) if Fraction(5, 2) <= t < 4]
    found = times(output, 1)
    assert abs(found[0] - sound[0] - shift) <= TICK_MS
    assert abs(found[-1] - sound[-1]) <= Fraction(1, 10)
    count = upscale(clip, tmp_path / f"n{suffix}", "--frames", 5, *FAST)
    assert times(count) == times(clip)[:5]
    assert max(times(count, 1)) <= times(clip)[5]


def test_sizes_and_the_reference_s_options(tmp_path, capsys):
    make_clip(tmp_path / "in.mp4", *GRADUAL)
    arguments = [
        "--num_process_per_gpu",
        2,
        "--extract_frame_first",
        "--fps",
        "25",
        "--ext",
        "auto",
    ]
    assert video("-i", "in.mp4", "--fit", "1000x90", *arguments, *FAST) == 0
    errors = capsys.readouterr().err
    assert "--extract-frame-first is not needed" in errors
    info = probe(Path("results/in_out.mp4"))
    assert (info.size.width, info.size.height) == (120, 90)


def test_nothing_is_asked_for_and_nothing_is_there(tmp_path, capsys):
    (tmp_path / "inputs").mkdir()
    assert main(["video"]) == 1
    assert "inputs holds no video" in capsys.readouterr().err


# What a review found


def test_alpha_at_full_chroma_is_kept_in_matroska(tmp_path, capsys):
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "yuva444p")
    output = upscale(clip, tmp_path / "out.mkv")
    assert probe(output).pixel_format.name == "yuva420p"
    assert "stores color more coarsely" in capsys.readouterr().err


@pytest.mark.parametrize("codec", ["png", "libx264rgb", "qtrle"])
def test_encoders_of_rgb_keep_colors(tmp_path, codec):
    image = "testsrc2=size=64x48:rate=2:duration=1,format=gbrp"
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "gbrp", image=image)
    output = tmp_path / "out.mov"
    assert video("-i", clip, "-o", output, "-s", 1, "--codec", codec, "--crf", 0) == 0
    with av.open(str(clip)) as a, av.open(str(output)) as b:
        before, after = (
            next(c.decode(video=0)).to_ndarray(format="rgb24").astype(int) for c in (a, b)
        )
    assert np.abs(before - after).max() <= 2


def test_a_file_that_was_cut_short_is_told(tmp_path, capsys):
    clip = make_clip(tmp_path / "in.mkv", *GRADUAL)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    assert video("-i", clip, "-o", "out.mkv", *FAST) == 0
    assert "cut short or damaged" in capsys.readouterr().err
    assert video("-i", clip, "-o", "strict.mkv", "--strict") == 1
    assert not Path("strict.mkv").exists()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("part", [(), ("--start", "0.5")])
def test_a_cover_stays_a_cover_wherever_it_goes(tmp_path, suffix, part):
    make_clip(tmp_path / "video.mp4", *GRADUAL)
    make_clip(tmp_path / "cover.png", "-frames:v", "1")
    clip = tmp_path / "in.mp4"
    ffmpeg(
        *("-i", tmp_path / "video.mp4", "-i", tmp_path / "cover.png", "-map", "0", "-map", "1"),
        *("-c", "copy", "-disposition:v:1", "attached_pic", clip),
    )
    streams = probe(upscale(clip, tmp_path / f"out{suffix}", *part, *FAST)).streams
    assert [stream.is_cover for stream in streams] == [False, True]


def test_sound_does_not_run_ahead_of_slow_frames(tmp_path):
    """A font beside made ffmpeg read all the sound before the first frame came."""
    (tmp_path / "font.ttf").write_bytes(b"not a font")
    make_clip(
        tmp_path / "video.mkv",
        *(*GRADUAL, "-c:a", "flac"),
        image="testsrc2=size=32x24:rate=5:duration=60",
        tone="anoisesrc=sample_rate=48000:duration=60",
    )
    clip = tmp_path / "in.mkv"
    attach = ("-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=font/ttf")
    ffmpeg("-i", tmp_path / "video.mkv", "-map", "0", "-c", "copy", *attach, clip)
    output = upscale(clip, tmp_path / "out.mkv", "--preset", "veryslow")
    shown, ahead = Fraction(0), Fraction(0)
    with av.open(str(output)) as container:
        for packet in container.demux(video=0, audio=0):
            if packet.pts is None:
                continue
            if packet.stream.type == "video":
                shown = max(shown, packet.pts * packet.time_base)
            else:
                ahead = max(ahead, packet.pts * packet.time_base - shown)
    assert ahead < 12


def test_fps_begins_where_the_sound_begins(tmp_path):
    clip = make_clip(
        tmp_path / "in.ts", *GRADUAL, "-c:a", "mp2", "-output_ts_offset", "40", tone=TONE
    )
    output = upscale(clip, tmp_path / "out.mkv", "--fps", "12", *FAST)
    ahead = times(clip)[0] - times(clip, 1)[0]
    assert abs(times(output)[0] - times(output, 1)[0] - ahead) <= Fraction(1, 12)
    assert len(times(output)) == 24


def test_a_start_behind_the_last_key_frame_of_a_stream_without_an_index(tmp_path):
    clip = make_clip(tmp_path / "in.ts", *GRADUAL, "-g", "1000")
    assert len(times(upscale(clip, tmp_path / "o.mkv", "--start", "0.5", *FAST))) == 12


@pytest.mark.parametrize("time", ["1/0", "nan", "1:x"])
def test_a_time_that_is_none_is_refused(time, capsys):
    with pytest.raises(SystemExit):
        main(["video", "--start", time])
    assert "hours:minutes:seconds" in capsys.readouterr().err


def test_times_of_an_excerpt_are_exact_numbers(tmp_path):
    image = "testsrc2=size=64x48:rate=10:duration=3"
    clip = make_clip(tmp_path / "in.mp4", *GRADUAL, image=image)
    output = upscale(clip, tmp_path / "out.mp4", "--start", "2.1", "--end", "2.6", *FAST)
    assert times(output) == [Fraction(n, 10) for n in range(5)]


def test_tags_that_mp4_has_no_place_for_are_named(tmp_path, capsys):
    clip = make_clip(
        tmp_path / "in.mkv", *GRADUAL, "-metadata", "MOOD=blue", "-metadata", "title=T"
    )
    upscale(clip, tmp_path / "out.mp4", *FAST)
    assert "no place for these tags: MOOD" in capsys.readouterr().err
    keys = ("-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.make=Apple")
    phone = make_clip(tmp_path / "in.mov", *GRADUAL, *keys)
    output = upscale(phone, tmp_path / "out.mov", *FAST)
    assert probe(output).tags["com.apple.quicktime.make"] == "Apple"


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
@pytest.mark.parametrize("signals", [1, 2])
def test_an_interruption_while_the_encoder_finishes_leaves_nothing(tmp_path, signals):
    make_clip(tmp_path / "in.mp4", *GRADUAL, image="testsrc2=size=320x240:rate=24:duration=3")
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from realesr.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["video", "-i", "in.mp4", "-o", "out", "-n", "nearest", "-s", "4"]
    arguments += ["--codec", "libx265", "--preset", "veryslow"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/.*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    children = psutil.Process(process.pid).children()
    time.sleep(1.5)  # the frames are with the encoder, which takes far longer
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    started = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - started < 5
    # The second one may come when all is done.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert_nothing_in(tmp_path / "out")
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("arguments", [["-i", "p%04d.mp4", "-o", "out"], ["-i", ".", "-o", "out"]])
def test_a_clip_may_be_called_like_numbered_frames(tmp_path, arguments):
    make_clip(tmp_path / "p%04d.mp4", image="testsrc2=size=32x24:rate=24:duration=0.2")
    assert video(*arguments) == 0
    assert [path.name for path in Path("out").iterdir()] == ["p%04d_out.mp4"]
    assert video("-i", "p%04d.mp4", "-o", "r%02d.mkv") == 0
    assert Path("r%02d.mkv").is_file()


def test_a_time_that_no_clip_has_is_refused(capsys):
    with pytest.raises(SystemExit):
        video("-i", "a.mp4", "--start", "1e400")
    assert "1e400': is longer than any clip" in capsys.readouterr().err
