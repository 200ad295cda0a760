import json

import av
import numpy as np
import pytest

from realesr.cli.main import main

from support.images import textured_pair


def write(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def clips(tmp_path):
    frame = textured_pair(96, 128)[0]
    rng = np.random.default_rng(0)
    noisy = [
        np.clip(frame + rng.normal(0, 15, frame.shape), 0, 255).astype(np.uint8) for _ in range(4)
    ]
    write(tmp_path / "original.mkv", [frame] * 4)
    write(tmp_path / "same.mkv", [frame] * 4)
    write(tmp_path / "noisy.mkv", noisy)
    write(tmp_path / "short.mkv", [frame] * 3)
    return tmp_path


def test_clips_are_measured_against_their_original(clips, capsys):
    names = [str(clips / name) for name in ("same.mkv", "noisy.mkv")]
    options = ["--original", str(clips / "original.mkv"), "-o", str(clips / "out")]
    assert main(["evaluate", "--clips", *names, *options]) == 0
    shown = capsys.readouterr().out
    same, noisy = json.loads((clips / "out/clips.json").read_text())
    assert (same["ssim"], same["flicker"], same["warping"]) == (1, 0, 0)
    assert noisy["psnr"] < 30
    assert noisy["flicker"] > 5
    assert noisy["warping"] > 1e-3
    assert noisy.get("vmaf", 0) < same.get("vmaf", 1)
    assert shown == (clips / "out/clips.md").read_text()
    assert "| same.mkv | inf | 1.0000 | 0.000000 | 0.000 |" in shown


def test_clips_that_are_not_alike_are_refused(clips, capsys):
    base = ["evaluate", "-o", str(clips / "out"), "--clips", str(clips / "short.mkv")]
    assert main([*base, "--original", str(clips / "original.mkv")]) == 2
    assert "3 frames" in capsys.readouterr().err
    assert main(base) == 2
    assert "name it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        *("--sets in", "--models bicubic", "--degradations none", "--metrics niqe", "--limit 1"),
        *("--seed 0", "--sheet 6", "--weights .", "--device auto", "--precision auto"),
        "--threads 1",
    ],
)
def test_options_of_sets_are_refused(capsys, option):
    argv = ["evaluate", "-o", "out", "--clips", "a.mp4", "--original", "b.mp4", *option.split()]
    assert main(argv) == 2
    assert f"{option.split()[0]} says nothing of --clips" in capsys.readouterr().err


def test_the_border_is_checked_before_a_clip_is_read(capsys):
    argv = ["evaluate", "-o", "out", "--clips", "a.mp4", "--original", "b.mp4"]
    for option in ("--crop -1", "--scale 0", "--scale 17"):
        assert main([*argv, *option.split()]) == 2
        assert f"{option}: must be " in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_told_first(tmp_path, capsys):
    (tmp_path / "file").write_text("before")
    clips = ["--clips", "absent.mp4", "--original", "absent.mp4"]
    assert main(["evaluate", *clips, "-o", str(tmp_path / "file")]) == 1
    told = capsys.readouterr().err
    assert "a file is where a folder should be" in told
    assert "absent" not in told


def test_a_clip_that_cannot_be_measured_fails_alone(clips, capsys):
    (clips / "bad.mkv").write_bytes(b"no clip")
    names = [str(clips / name) for name in ("bad.mkv", "short.mkv", "same.mkv")]
    options = ["--original", str(clips / "original.mkv"), "-o", str(clips / "out"), "-q"]
    assert main(["evaluate", "--clips", *names, *options]) == 1
    said = capsys.readouterr().err
    assert "bad.mkv" in said
    assert "short.mkv: 3 frames" in said
    (row,) = json.loads((clips / "out/clips.json").read_text())
    assert row["clip"].endswith("same.mkv")
    assert main(["evaluate", "--clips", names[0], *options]) == 1
