"""Videos in pieces: whatever happens, the same command goes on, to the same frames."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from PIL import Image as PillowImage

from realesr import Upscaler, upscale_video
from realesr.cli.main import main
from realesr.engine.interpolation import Interpolator
from realesr.options import PieceOptions, VideoOptions
from realesr.pipeline.workfolder import WorkFolder

from support.clips import GRADUAL, TONE, make_clip, payloads, times

LOSSLESS = ("--codec", "ffv1")
LIVELY = "testsrc2=size=64x48:rate=24:duration=1,noise=alls=40:allf=t"  # no frame is like another
B_FRAMES = ("-c:v", "libx264", "-bf", "2", "-g", "6", "-sc_threshold", "0", "-pix_fmt", "yuv420p")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "in.mkv", *B_FRAMES, "-c:a", "aac", image=LIVELY, tone=TONE)


def video(*arguments):
    return main(["video", "-n", "nearest", "-s", "1", *map(str, arguments)])


def frames(path):
    with av.open(str(path)) as container:
        return [(f.pts, pixels_of(f).tobytes()) for f in container.decode(video=0)]


def pixels_of(frame):
    # PyAV makes no array of ProRes' own format.
    return frame.to_ndarray(format="rgb48le" if frame.format.name == "yuv422p12le" else None)


def work_folder(output):
    return Path(f".{output}.realesr")


def fail_after(monkeypatch, count, error):
    """Makes the network raise an error at its frame number ``count``."""
    upscale, calls = Interpolator.upscale_to, []

    def failing(self, images, size, **options):
        calls.extend(images)
        if len(calls) > count:
            raise error
        return upscale(self, images, size, **options)

    monkeypatch.setattr(Interpolator, "upscale_to", failing)
    return calls


@pytest.mark.parametrize("source", ["steady", "variable", "late", "open-gop", "fields"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_pieces_give_the_frames_and_times_of_one_pass(tmp_path, source, suffix):
    encoding = {
        "steady": B_FRAMES,
        "variable": ("-vf", "setpts='PTS+floor(N/3)*0.05/TB'", "-fps_mode", "passthrough"),
        "late": (*B_FRAMES, "-output_ts_offset", "1.7"),
        "open-gop": (*B_FRAMES, "-x264-params", "open-gop=1:keyint=6:min-keyint=6"),
        "fields": ("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-g", "6", "-bf", "2"),
    }[source]
    clip = make_clip(tmp_path / "in.mkv", *encoding, "-c:a", "libopus", tone=TONE)
    codec = LOSSLESS if suffix == ".mkv" else ("--codec", "libx264", "--crf", "0")
    for name, pieces in (("one", ()), ("four", ("--piece-frames", 7))):
        assert video(clip, "-o", f"{name}{suffix}", *codec, *pieces) == 0
    one, four = Path(f"one{suffix}"), Path(f"four{suffix}")
    assert frames(four) == frames(one)
    assert times(four) == times(one)
    assert payloads(four, 1) == payloads(one, 1) == payloads(clip, 1)
    assert not work_folder(four).exists()


@pytest.mark.parametrize(
    ("suffix", "encoder"),
    [
        (".mkv", ("libx264",)),
        (".mp4", ("libx265", "--preset", "ultrafast")),
        (".mkv", ("libsvtav1", "--preset", "12")),
        (".webm", ("libvpx-vp9", "--preset", "8")),
        (".mov", ("prores_ks",)),
        (".mkv", ("ffv1",)),
    ],
)
def test_every_encoder_gives_all_frames_at_their_times(clip, suffix, encoder):
    for name, pieces in (("one", ()), ("three", ("--piece-frames", 8))):
        assert video(clip, "-o", f"{name}{suffix}", "--codec", *encoder, *pieces) == 0
    one, three = frames(f"one{suffix}"), frames(f"three{suffix}")
    assert [pts for pts, _ in three] == [pts for pts, _ in one]
    if encoder[0] in ("prores_ks", "ffv1"):  # every frame is encoded by itself
        assert three == one
    assert times(Path(f"three{suffix}")) == times(Path(f"one{suffix}"))


@pytest.mark.parametrize(
    "part",
    [
        ("--start", "0.3", "--end", "0.8"),
        ("--start", "0.3", "--frames", "11"),
        ("--fps", "24000/1001"),
        ("--fps", "10", "--start", "0.3"),
    ],
)
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_excerpts_and_speeds_in_pieces(clip, part, suffix):
    codec = LOSSLESS if suffix == ".mkv" else ("--codec", "libx264", "--crf", "0")
    assert video(clip, "-o", f"one{suffix}", *codec, *part) == 0
    assert video(clip, "-o", f"four{suffix}", *codec, *part, "--piece-frames", 4) == 0
    assert frames(f"four{suffix}") == frames(f"one{suffix}")
    assert times(Path(f"four{suffix}")) == times(Path(f"one{suffix}"))


def test_an_interrupted_run_goes_on(clip, monkeypatch, capsys):
    arguments = (clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6")
    assert video(clip, "-o", "whole.mkv", *LOSSLESS, "--piece-frames", "6") == 0
    with monkeypatch.context() as patch:
        fail_after(patch, 16, KeyboardInterrupt())
        assert video(*arguments) == 130
    told = capsys.readouterr().err
    assert "2 of 4 pieces (50% of the frames) are kept in .out.mkv.realesr" in told
    assert "--finish" in told
    assert not Path("out.mkv").exists()
    with monkeypatch.context() as patch:
        calls = fail_after(patch, 99, AssertionError())
        assert video(*arguments) == 0
        assert len(calls) == 12  # nothing is computed twice
    assert "goes on: 2 of 4 pieces are there" in capsys.readouterr().err
    assert frames("out.mkv") == frames("whole.mkv")
    assert not work_folder("out.mkv").exists()


def test_the_command_goes_on_with_what_python_has_begun(clip, monkeypatch, capsys):
    options = {
        "upscaler": Upscaler.from_name("nearest"),
        "outscale": 1,
        "video": VideoOptions(codec="ffv1"),
        "pieces": PieceOptions(piece_frames=6),
    }
    upscale_video(clip, "whole.mkv", **options)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        fail_after(patch, 16, KeyboardInterrupt())
        upscale_video(clip, "out.mkv", **options)
    assert work_folder("out.mkv").exists()
    assert video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6") == 0
    assert "goes on: 2 of 4 pieces are there" in capsys.readouterr().err
    assert frames("out.mkv") == frames("whole.mkv")
    assert not work_folder("out.mkv").exists()


def test_an_error_keeps_the_pieces_and_is_told(clip, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        fail_after(patch, 8, OSError(28, "No space left on device"))
        assert video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6") == 1
    told = capsys.readouterr().err
    assert "No space left on device" in told
    assert "1 of 4 pieces" in told
    assert [path.name for path in work_folder("out.mkv").glob("*.mkv")] == ["000000.mkv"]


@pytest.mark.parametrize("ended", ["interrupted", "killed"])
def test_a_run_without_a_finished_piece_leaves_nothing_that_counts(
    clip, ended, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        fail_after(patch, 3, KeyboardInterrupt())
        if ended == "killed":
            patch.setattr(WorkFolder, "discard", lambda self: None)
        assert video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6") == 130
    assert "kept" not in capsys.readouterr().err
    assert work_folder("out.mkv").exists() == (ended == "killed")
    assert video(clip, "-o", "out.mkv", "--finish") == 1
    assert "no pieces that --finish could join" in capsys.readouterr().err
    assert not work_folder("out.mkv").exists()
    assert video(clip, "-o", "out.mkv", "--codec", "libx264", "--piece-frames", "8") == 0
    assert "is made in 3 pieces" in capsys.readouterr().err
    assert len(frames("out.mkv")) == 24


def test_pieces_of_another_length_are_told_of(clip, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        fail_after(patch, 8, KeyboardInterrupt())
        video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6")
    capsys.readouterr()
    assert video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "8") == 0
    told = capsys.readouterr().err
    assert "--piece-frames does nothing" in told
    assert "1 of 4 pieces" in told


def test_another_command_is_refused_and_restart_begins_anew(clip, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        fail_after(patch, 8, KeyboardInterrupt())
        video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6")
    capsys.readouterr()
    assert video(clip, "-o", "out.mkv", "--codec", "libx264", "--piece-frames", "6") == 1
    told = capsys.readouterr().err
    assert "1 of 4 pieces of another run: video codec" in told
    assert "--restart" in told
    assert len(list(work_folder("out.mkv").glob("*.mkv"))) == 1
    os.utime(clip, (1, 1))
    assert video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6") == 1
    assert "source modified" in capsys.readouterr().err
    arguments = ("--codec", "libx264", "--crf", "0", "--piece-frames", "6", "--restart")
    assert video(clip, "-o", "out.mkv", *arguments) == 0
    assert len(frames("out.mkv")) == 24


def test_a_damaged_piece_is_made_again(clip, monkeypatch):
    arguments = (clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6")
    with monkeypatch.context() as patch:
        fail_after(patch, 20, KeyboardInterrupt())
        video(*arguments)
    piece = work_folder("out.mkv") / "000001.mkv"
    piece.write_bytes(piece.read_bytes()[:-500])
    with monkeypatch.context() as patch:
        calls = fail_after(patch, 99, AssertionError())
        assert video(*arguments) == 0
        assert len(calls) == 12
    assert len(frames("out.mkv")) == 24


def test_finish_makes_a_video_of_what_is_there(clip, monkeypatch, capsys):
    arguments = (clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6")
    assert video(*arguments, "--finish") == 1
    assert "there are no pieces" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        fail_after(patch, 16, KeyboardInterrupt())
        video(*arguments)
    with monkeypatch.context() as patch:
        fail_after(patch, 0, AssertionError())
        assert video(*arguments, "--finish") == 0
    assert len(frames("out.mkv")) == 12
    assert max(times(Path("out.mkv"), 1)) < 0.6
    assert video(*arguments, "--keep-segments") == 0
    assert len(frames("out.mkv")) == 24
    assert len(list(work_folder("out.mkv").glob("0*.mkv"))) == 4


def test_with_a_bitrate_pieces_are_encoded_together(clip):
    """Every piece would get the same bits, whatever it holds."""
    rate = ("--codec", "libx264", "--encoder-args=-b:v 300k -threads 1")
    assert video(clip, "-o", "one.mp4", *rate) == 0
    assert video(clip, "-o", "four.mp4", *rate, "--piece-frames", "6") == 0
    assert frames("four.mp4") == frames("one.mp4")
    assert payloads(Path("four.mp4"), 1) == payloads(clip, 1)


@pytest.mark.parametrize("pieces", [(), ("--piece-frames", "6")])
def test_two_passes_are_both_made(clip, pieces):
    """x264 writes into the stream which pass it was; the files of the first one are gone."""
    rate = ("--codec", "libx264", "--encoder-args", "-b:v 200k -pass 2")
    assert video(clip, "-o", "out.mp4", *rate, *pieces) == 0
    assert len(frames("out.mp4")) == 24
    assert b"rc=2pass" in Path("out.mp4").read_bytes()
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["in.mkv", "out.mp4"]


def test_progress_counts_pieces(clip, capsys, monkeypatch):
    monkeypatch.setattr("realesr.cli.reporter.PROGRESS_S", 0.0)
    assert video(clip, "-o", "out.mkv", *LOSSLESS, "--piece-frames", "6", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    progress = [line for line in lines if line["event"] == "progress"]
    assert {line["pieces"] for line in progress} == {4}
    assert progress[-1]["pieces_done"] == 4
    counted = [line["frames"] for line in progress]
    assert counted == sorted(counted)
    assert (lines[-1]["event"], lines[-1]["frames"]) == ("end", 24)


@pytest.mark.parametrize("pieces", [(), ("--piece-frames", "6")])
def test_previews_are_some_of_the_frames(clip, pieces):
    arguments = ("--preview", "10", "--metrics-file", "run.prom")
    assert video(clip, "-o", "out.mkv", *LOSSLESS, *pieces, *arguments) == 0
    files = sorted(Path("out.mkv.preview").iterdir())
    assert [file.name for file in files] == ["000000.jpg", "000010.jpg", "000020.jpg"]
    with PillowImage.open(files[1]) as image, av.open("out.mkv") as container:
        frame = list(container.decode(video=0))[10].to_ndarray(format="rgb24")
        assert np.abs(np.asarray(image).astype(int) - frame).mean() < 12
    assert "realesr_output_frames_total 24" in Path("run.prom").read_text()


@pytest.mark.parametrize("moment", [0.35, 0.5, 0.65, 0.8])
def test_a_killed_run_goes_on(tmp_path, clip, moment):
    command = [sys.executable, "-m", "realesr", "video", "-n", "nearest", "-s", "1", clip]
    command += ["--codec", "ffv1", "--piece-frames", "4", "-q", "-o"]
    started = time.monotonic()
    subprocess.run([*command, "whole.mkv"], check=True)
    seconds = time.monotonic() - started
    process = subprocess.Popen([*command, "out.mkv"])
    time.sleep(seconds * moment)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run([*command, "out.mkv"], check=True)
    assert frames("out.mkv") == frames("whole.mkv")
    psutil.wait_procs(children, timeout=5)
    assert not [child for child in children if child.is_running()]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"in.mkv", "out.mkv", "whole.mkv"}


def test_two_workers_give_the_frames_of_one(clip):
    arguments = (clip, *LOSSLESS, "--piece-frames", "5")
    assert video(*arguments, "-o", "one.mkv") == 0
    assert video(*arguments, "-o", "two.mkv", "--num_process_per_gpu", "2", "--device", "cpu") == 0
    assert frames("two.mkv") == frames("one.mkv")
    assert times(Path("two.mkv")) == times(Path("one.mkv"))
    assert payloads(Path("two.mkv"), 1) == payloads(clip, 1)
    assert not work_folder("two.mkv").exists()


def test_a_worker_that_is_killed_does_not_stop_a_run(tmp_path, clip):
    long = make_clip(tmp_path / "long.mkv", *B_FRAMES, image=LIVELY.replace("=1,", "=6,"))
    command = [sys.executable, "-m", "realesr", "video", "-n", "nearest", long, "--workers", "2"]
    command += ["--codec", "ffv1", "--piece-frames", "12", "-q", "-o", "out.mkv"]
    process = psutil.Popen(command)
    workers = []
    while not workers and process.poll() is None:
        workers = [p for p in process.children() if "spawn_main" in " ".join(p.cmdline())]
        time.sleep(0.05)
    time.sleep(0.5)
    workers[0].kill()
    assert process.wait() == 0
    assert len(frames("out.mkv")) == 144
    assert {path.name for path in tmp_path.iterdir()} == {"in.mkv", "long.mkv", "out.mkv"}


def test_short_videos_are_made_in_one_pass(clip, capsys):
    assert video(clip, "-o", "out.mkv", *LOSSLESS) == 0
    assert "pieces" not in capsys.readouterr().err


def test_long_work_is_cut_by_time(clip, capsys, monkeypatch):
    monkeypatch.setattr("realesr.pipeline.executors.pieces.ONE_PASS_S", 0.0)
    monkeypatch.setattr("realesr.pipeline.executors.pieces._timed", lambda *_: 25.0)
    assert video(clip, "-o", "out.mkv", *LOSSLESS) == 0
    assert "is made in 4 pieces" in capsys.readouterr().err


def test_gradual_clip_is_decoded_exactly(tmp_path):
    """One key frame at the beginning: borders are anywhere, and everything is decoded."""
    clip = make_clip(tmp_path / "in.mp4", *GRADUAL, "-g", "999")
    assert video(clip, "-o", "one.mkv", *LOSSLESS) == 0
    assert video(clip, "-o", "four.mkv", *LOSSLESS, "--piece-frames", "5") == 0
    assert frames("four.mkv") == frames("one.mkv")


@pytest.fixture
def restless(tmp_path):
    """A still picture with fresh noise in 26 drawings, each shown for one to nine frames."""
    rng = np.random.default_rng(0)
    calm = np.kron(rng.integers(40, 200, (6, 8, 3)), np.ones((8, 8, 1)))
    drawings = np.clip(calm + rng.normal(0, 3, (26, *calm.shape)), 0, 255).astype(np.uint8)
    lengths = [1, 1, 2, 1, 1, 3, 1, 4, 1, 1, 9, 1, 2, *[1] * 13]
    with av.open(str(tmp_path / "restless.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=24, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p"
        for drawing, length in zip(drawings, lengths, strict=True):
            for _ in range(length):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(drawing, format="rgb24")))
        container.mux(stream.encode())
    return tmp_path / "restless.mkv"


@pytest.mark.parametrize("more", [(), ("--workers", "2")], ids=["one process", "two"])
def test_steady_frames_in_pieces(restless, more):
    steady = (restless, "-s", "2", *LOSSLESS, "--stabilize")
    assert video(restless, "-s", "2", *LOSSLESS, "-o", "plain.mkv") == 0
    assert video(*steady, "-o", "one.mkv") == 0
    assert video(*steady, "-o", "pieces.mkv", "--piece-frames", "7", *more) == 0
    one = frames("one.mkv")
    assert frames("pieces.mkv") == one
    assert sum(a != b for a, b in zip(frames("plain.mkv"), one, strict=True)) > 20


def test_an_interrupted_steady_run_goes_on(restless, monkeypatch, capsys):
    arguments = (restless, "-o", "out.mkv", "-s", "2", *LOSSLESS, "--piece-frames", "7")
    assert video(restless, "-o", "whole.mkv", "-s", "2", *LOSSLESS, "--stabilize") == 0
    with monkeypatch.context() as patch:
        fail_after(patch, 24, KeyboardInterrupt())
        assert video(*arguments, "--stabilize") == 130
    assert video(*arguments) == 1  # the pieces are not those of this command
    assert "stabilize" in capsys.readouterr().err
    assert video(*arguments, "--stabilize") == 0
    assert frames("out.mkv") == frames("whole.mkv")
