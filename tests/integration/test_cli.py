"""The command as a shell sees it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from realesr import Upscaler, upscale_image, upscale_video
from realesr.cli.main import main
from realesr.imaging.image import Metadata
from realesr.media.images.decode import read_image
from realesr.media.images.files import ImageSource
from realesr.pipeline.executors.local import LocalExecutor

from support.icc import profile
from support.images import write_image
from support.networks import random_image, tiny_weights
from support.paths import ROOT, shared


def save(path, width=12, height=9, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, random_image(width, height, **options))
    return path


@pytest.fixture
def weights(tmp_path):
    return str(tiny_weights(tmp_path))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("arguments", [["--help"], ["image", "--help"], ["models", "list"]])
def test_answers_without_loading_anything_heavy(arguments):
    code = (
        "import sys\n"
        "from realesr.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'torch', 'numpy', 'cv2', 'PIL', 'tqdm', 'safetensors'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


def test_a_file_becomes_a_larger_file(tmp_path, weights, capsys):
    save(tmp_path / "in.png")
    assert main(["image", "-i", "in.png", "-o", "out", "--model-path", weights]) == 0
    assert read_image(tmp_path / "out/in_out.png").size == random_image(48, 36).size
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "in.png -> out/in_out.png" in captured.err


def test_without_arguments_inputs_become_results(tmp_path, monkeypatch):
    save(tmp_path / "inputs/a.jpg")
    save(tmp_path / "inputs/b.png", gray=True)
    assert main(["image"]) == 0
    assert names(tmp_path / "results") == ["a_out.jpg", "b_out.png"]
    gray = read_image(tmp_path / "results/b_out.png")
    assert gray.is_gray
    assert (gray.size.width, gray.size.height) == (48, 36)


@pytest.mark.parametrize(("scale", "size"), [("4", (48, 36)), ("2.5", (30, 22)), ("1", (12, 9))])
def test_any_scale(tmp_path, weights, scale, size):
    save(tmp_path / "in.png")
    assert main(["image", "-i", "in.png", "-s", scale, "--model-path", weights]) == 0
    upscaled = read_image(tmp_path / "results/in_out.png")
    assert (upscaled.size.width, upscaled.size.height) == size


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (["--width", "30"], (30, 22)),
        (["--height", "30"], (40, 30)),
        (["--width", "30", "--height", "30"], (30, 30)),
        (["--fit", "100x24"], (32, 24)),
    ],
)
def test_any_size(tmp_path, weights, options, size):
    save(tmp_path / "in.png")
    assert main(["image", "-i", "in.png", *options, "--model-path", weights]) == 0
    upscaled = read_image(tmp_path / "results/in_out.png")
    assert (upscaled.size.width, upscaled.size.height) == size


def test_the_reference_spells_its_options_with_underscores(tmp_path, weights):
    """Every option of inference_realesrgan.py but those for faces, spelled as there."""
    save(tmp_path / "in_put.png")
    arguments = "--input in_put.png --output out_put --outscale 3.5 --suffix big_one --tile 32"
    arguments += " --tile_pad 10 --pre_pad 4 --alpha_upsampler bicubic --ext png --fp32"
    arguments += f" --model_path={weights} --model_name=some_name -dn 1"
    assert main(["image", *arguments.split()]) == 0
    assert read_image(tmp_path / "out_put/in_put_big_one.png").size.width == 42


def test_a_resize_rounds_once(tmp_path, weights):
    """Upscaling to the native scale by way of a resize differs by at most one level."""
    save(tmp_path / "in.png", 40, 30)
    main(["image", "-i", "in.png", "-o", "native.png", "--model-path", weights])
    main(["image", "-i", "in.png", "-o", "half.png", "-s", "2", "--model-path", weights])
    native = read_image(tmp_path / "native.png").pixels.astype(float)
    half = read_image(tmp_path / "half.png").pixels
    means = native.reshape(60, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(half[9:-9, 9:-9] - means[9:-9, 9:-9]).mean() < 8


def test_tiles_do_not_show(tmp_path, weights):
    save(tmp_path / "in.png", 50, 40)
    for tile in ("0", "16"):
        arguments = ["-i", "in.png", "-o", f"{tile}.png", "--tile", tile, "--model-path", weights]
        assert main(["image", *arguments]) == 0
    whole, tiled = (read_image(tmp_path / f"{tile}.png").pixels for tile in ("0", "16"))
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_bad_files_fail_alone(tmp_path, weights, capfd):
    """One clear line each, counted, nothing partial, and the others go on."""
    save(tmp_path / "in/0 good.png")
    bad = {
        "1 text.png": b"not an image",
        "2 empty.jpg": b"",
        "3 cut.jpg": save(tmp_path / "whole.jpg", 80, 60).read_bytes()[:-900],
        "4 large.png": save(tmp_path / "large.png", 101, 100).read_bytes(),
    }
    for name, data in bad.items():
        (tmp_path / "in" / name).write_bytes(data)
    (tmp_path / "in/5 folder.webp").mkdir()
    (tmp_path / "in/notes.txt").write_text("left out")
    save(tmp_path / "in/6 wide.webp", 4096, 1)
    save(tmp_path / "in/7 good.jpg")
    arguments = ["-i", "in", "-o", "out", "--max-pixels", "10000", "--model-path", weights]
    assert main(["image", *arguments]) == 1
    assert names(tmp_path / "out") == ["0 good_out.png", "7 good_out.jpg"]
    lines = capfd.readouterr().err.splitlines()
    for name in [*bad, "5 folder.webp"]:
        assert sum(line.startswith(f"error: in/{name}: ") for line in lines) == 1, name
    assert (
        sum("6 wide" in line and "16384x4 px do not fit into WEBP" in line for line in lines) == 1
    )
    assert "6 of 8 images failed, 2 done" in lines
    assert any("notes.txt" in line for line in lines)
    assert len(lines) == 6 + 2 + 2
    assert not any("Traceback" in line for line in lines)


def test_damaged_pixels_are_told_or_strictly_refused(tmp_path, weights, capfd):
    data = save(tmp_path / "whole.jpg", 20, 16).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[:-2])
    arguments = ["cut.jpg", "-o", "out", "--model-path", weights, "--json"]
    assert main(["image", *arguments]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    assert [notice["code"] for notice in json.loads(line)["notices"]] == ["image-damaged"]
    assert main(["image", *arguments, "--strict", "--suffix", "strict"]) == 1
    (line,) = capfd.readouterr().out.splitlines()
    assert "all its pixels are there (--strict)" in json.loads(line)["error"]
    assert names(tmp_path / "out") == ["cut_out.jpg"]


def test_formats_that_are_only_read_become_png(tmp_path, weights):
    stored = PillowImage.new("RGB", (8, 6), "red")
    (tmp_path / "in").mkdir()
    stored.save(tmp_path / "in/a.ico")
    stored.save(tmp_path / "in/b.tga")
    stored.save(tmp_path / "in/c.ppm")
    assert main(["image", "in", "-o", "out", "--model-path", weights]) == 0
    assert names(tmp_path / "out") == ["a_out.png", "b_out.png", "c_out.png"]


def test_transparency_depth_and_metadata_come_through(tmp_path, weights):
    image = random_image(20, 14, np.uint16, alpha=True)
    save_image = replace(image, metadata=Metadata(icc=profile(), xmp=b"<x/>"))
    write_image(tmp_path / "in.png", save_image)
    for scale in ("4", "3"):
        assert main(["image", "-i", "in.png", "-s", scale, "--model-path", weights]) == 0
        upscaled = read_image(tmp_path / "results/in_out.png")
        assert upscaled.size == image.size.scaled(int(scale))
        assert upscaled.pixels.dtype == np.uint16
        assert len(np.unique(upscaled.pixels)) > 256
        assert upscaled.alpha is not None
        assert upscaled.metadata == save_image.metadata


@pytest.mark.parametrize("ext", ["png", "jpg", "webp", "tif", "bmp", "avif"])
def test_any_format_becomes_any_other(tmp_path, weights, capsys, ext):
    image = random_image(20, 14, alpha=True)
    write_image(tmp_path / "in.png", image)
    arguments = ["-i", "in.png", "--ext", ext, "--model-path", weights]
    assert main(["image", *arguments]) == 0
    upscaled = read_image(tmp_path / f"results/in_out.{ext}")
    assert upscaled.size == image.size.scaled(4)
    assert (upscaled.alpha is None) == (ext == "jpg")
    told = "note: in.png: JPEG holds no transparency: laid on white" in capsys.readouterr().err
    assert told == (ext == "jpg")


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_baselines_are_models_of_any_scale(tmp_path, method):
    image = random_image(20, 14)
    write_image(tmp_path / "in.png", image)
    assert main(["image", "-i", "in.png", "-n", method, "-s", "3"]) == 0
    upscaled = read_image(tmp_path / "results/in_out.png").pixels
    if method == "nearest":
        assert (upscaled[1::3, 1::3] == image.pixels).all()
        assert (upscaled == np.kron(image.pixels, np.ones((3, 3, 1), np.uint8))).all()
    else:
        filter_ = PillowImage.Resampling[method.upper()]
        for channel in range(3):
            plane = PillowImage.fromarray(image.pixels[..., channel].astype(np.float32))
            expected = np.clip(np.asarray(plane.resize((60, 42), filter_)), 0, 255)
            assert np.abs(upscaled[..., channel] - expected).max() <= 0.51


@pytest.mark.parametrize(
    ("model", "options", "is_smoothed"),
    [
        ("a network", [], True),
        ("a network", ["--no-smooth-color"], False),
        ("bicubic", [], False),
    ],
)
def test_networks_get_the_color_of_a_jpeg_smoothed(tmp_path, weights, model, options, is_smoothed):
    """By the command and from Python; plain filters, which are compared with, get it as it is."""
    pixels = random_image(64, 48).pixels
    PillowImage.fromarray(pixels).save("in.jpg", quality=20)
    expected = {each: read_image(Path("in.jpg"), smooth_color=each) for each in (False, True)}
    write_image(tmp_path / "as it is.png", expected[is_smoothed])
    chosen = ["-n", "bicubic"] if model == "bicubic" else ["--model-path", weights]
    assert main(["image", "in.jpg", "as it is.png", "--ext", "png", *chosen, *options]) == 0
    upscaler = Upscaler.from_name("bicubic") if model == "bicubic" else Upscaler.from_file(weights)
    upscale_image("in.jpg", "python.png", upscaler=upscaler, smooth_color=not options)
    results = [
        read_image(Path(name)).pixels
        for name in ("results/as it is_out.png", "results/in_out.png", "python.png")
    ]
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()
    assert (expected[True].pixels != expected[False].pixels).any()


def test_networks_get_the_color_of_jpeg_frames_smoothed(tmp_path, weights):
    frame = Path("frames/1.jpg")
    frame.parent.mkdir()
    PillowImage.fromarray(random_image(64, 48).pixels).save(frame, quality=20)
    network = ["--model-path", weights]
    for name, options in (("as image", network), ("raw", [*network, "--no-smooth-color"])):
        assert main(["image", str(frame), "-o", f"{name}.png", *options]) == 0
        assert main(["video", "frames", "-o", f"{name}/%d.png", *options]) == 0
    upscaler = Upscaler.from_file(weights)
    upscale_video("frames", "python/%d.png", upscaler=upscaler)
    smoothed, raw = (read_image(Path(f"{name}.png")).pixels for name in ("as image", "raw"))
    assert (smoothed != raw).any()
    assert (read_image(Path("as image/1.png")).pixels == smoothed).all()
    assert (read_image(Path("python/1.png")).pixels == smoothed).all()
    assert (read_image(Path("raw/1.png")).pixels == raw).all()
    assert main(["video", "frames", "-o", "command/%d.png", "-n", "bicubic"]) == 0
    plain = Upscaler.from_name("bicubic")
    upscale_video("frames", "from python/%d.png", upscaler=plain)
    for name in ("command", "from python"):
        result = read_image(Path(f"{name}/1.png")).pixels
        assert (result == plain(read_image(frame).pixels)).all()


@pytest.mark.parametrize("method", ["ibp", "tv"])
def test_reconstructions_are_models_of_any_scale(tmp_path, capsys, method):
    save(tmp_path / "in.png")
    size = read_image(tmp_path / "in.png").size
    assert (
        main(["-v", "image", "-i", "in.png", "-n", method, "-s", "2.5", "--strength", "0.5"]) == 0
    )
    assert read_image(tmp_path / "results/in_out.png").size == size.scaled(2.5)
    told = capsys.readouterr().err
    assert f"model {method}, without a network" in told
    assert f"note: --strength does nothing for {method}, which has no network" in told


def test_a_killed_run_goes_on_where_it_stopped(tmp_path, weights, capsys):
    for name in ("a", "sub/b", "sub/c"):
        save(tmp_path / f"in/{name}.png")
    arguments = ["image", "-i", "in", "-r", "-o", "out", "--model-path", weights]
    assert main([*arguments, "--dry-run"]) == 0
    planned = capsys.readouterr().out.splitlines()
    assert planned[1] == "in/sub/b.png -> out/sub/b_out.png"
    assert not (tmp_path / "out").exists()
    assert main(arguments) == 0
    (tmp_path / "out/sub/b_out.png").unlink()
    kept = (tmp_path / "out/a_out.png").stat().st_mtime_ns
    capsys.readouterr()
    assert main([*arguments, "--skip-existing"]) == 0
    assert "left alone, outputs exist: 2" in capsys.readouterr().err
    assert (tmp_path / "out/sub/b_out.png").is_file()
    assert (tmp_path / "out/a_out.png").stat().st_mtime_ns == kept
    assert main([*arguments, "--skip-existing"]) == 0


def test_json_has_a_line_for_each_file_and_nothing_else(tmp_path, weights, capsys):
    save(tmp_path / "in/ä.png")
    (tmp_path / "in/bad.png").write_text("")
    write_image(tmp_path / "in/c.png", random_image(8, 8, alpha=True))
    arguments = ["-i", "in", "-o", "out", "--ext", "jpg", "-s", "2", "--json"]
    arguments += ["--device", "cpu", "--fp32"]
    assert main(["image", *arguments, "--model-path", weights]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    constants = {"model": weights, "device": "cpu", "precision": "fp32"}
    good, transparent, bad = (lines[n] for n in (2, 1, 0))
    assert good.pop("seconds") > 0
    assert good == constants | {
        "input": "in/ä.png",
        "output": "out/ä_out.jpg",
        "input_size": [12, 9],
        "output_size": [24, 18],
        "notices": [],
        "error": None,
    }
    assert transparent["notices"] == [
        {"code": "alpha-flattened", "message": "JPEG holds no transparency: laid on white"}
    ]
    assert bad == constants | {
        "input": "in/bad.png",
        "output": None,
        "input_size": None,
        "output_size": None,
        "seconds": None,
        "notices": [],
        "error": "in/bad.png: the file is empty",
    }


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_the_script_for_folders_goes_on_and_lists_what_failed(tmp_path, weights):
    """Run with this environment's realesr on PATH, as a user has it."""
    for name in ("a", "sub/b c"):
        save(tmp_path / f"in/{name}.png")
    (tmp_path / "in/sub/bad one.png").write_text("")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = [ROOT / "scripts/upscale-folder.sh", "in", "out", "--model-path", weights]

    def run():
        return subprocess.run(script, env=environment, capture_output=True, text=True, check=False)

    first = run()
    assert first.returncode == 1, first.stderr
    assert (tmp_path / "out/failed.txt").read_text() == "in/sub/bad one.png\n"
    assert read_image(tmp_path / "out/sub/b c.png").size.width == 48
    assert len((tmp_path / "out/realesr.jsonl").read_text().splitlines()) == 3
    (tmp_path / "in/sub/bad one.png").unlink()
    save(tmp_path / "in/sub/bad one.png")
    second = run()
    assert second.returncode == 0
    assert "left alone, outputs exist: 2" in second.stderr
    assert not (tmp_path / "out/failed.txt").exists()
    assert len((tmp_path / "out/realesr.jsonl").read_text().splitlines()) == 4


def test_doctor_says_what_is_here(capsys):
    assert main(["doctor"]) == 0
    said = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert torch.__version__.startswith(said["torch"].strip())
    assert "GiB free" in said["cpu"]
    assert "ffmpeg" in said
    assert "realesr-photo-x4" in said["weights"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("image", "models", "doctor", "alpha-upsampler", "skip-existing"):
        assert word in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_images_flow_through_a_pipe(tmp_path, weights):
    image = random_image(12, 9, alpha=True)
    write_image(tmp_path / "in.png", image)

    def pipe(data, *options):
        arguments = ["image", "-i", "-", "-o", "-", "--json", "--model-path", weights, *options]
        return subprocess.run(
            [sys.executable, "-m", "realesr", *arguments],
            input=data,
            capture_output=True,
            check=False,
        )

    result = pipe((tmp_path / "in.png").read_bytes())
    assert result.returncode == 0
    (tmp_path / "out.png").write_bytes(result.stdout)
    assert main(["image", "-i", "in.png", "-o", "same.png", "--model-path", weights]) == 0
    assert result.stdout == (tmp_path / "same.png").read_bytes()
    assert json.loads(result.stderr.splitlines()[-1])["output_size"] == [48, 36]
    result = pipe(b"no image", "--ext", "jpg")
    assert result.returncode == 1
    assert result.stdout == b""


def test_quiet_tells_errors_only(tmp_path, weights, capfd):
    save(tmp_path / "in/a.png")
    arguments = ["image", "-i", "in", "-q", "--model-path", weights]
    assert main(arguments) == 0
    assert capfd.readouterr() == ("", "")
    (tmp_path / "in/bad.png").write_text("")
    assert main(arguments) == 1
    assert "error: in/bad.png" in capfd.readouterr().err


def test_quality_and_lossless_change_what_is_written(tmp_path, weights):
    save(tmp_path / "in.png", 40, 30)
    sizes = {}
    for name, options in {
        "low.webp": ["--quality", "10"],
        "default.webp": [],
        "exact.webp": ["--lossless"],
        "exact.png": [],
    }.items():
        assert main(["image", "-i", "in.png", "-o", name, "--model-path", weights, *options]) == 0
        sizes[name] = (tmp_path / name).stat().st_size
    assert sizes["low.webp"] < sizes["default.webp"] < sizes["exact.webp"]
    exact, reference = (read_image(tmp_path / f"exact.{ext}").pixels for ext in ("webp", "png"))
    assert (exact == reference).all()


@pytest.mark.skipif(os.name == "nt", reason="limits a POSIX process")
def test_a_disk_that_fills_up_is_named_and_leaves_nothing(tmp_path, weights):
    """A limit on the size of files fails a write halfway, as a full disk does."""
    for name in ("1 small.png", "3 small.png"):
        save(tmp_path / "in" / name)
    save(tmp_path / "in/2 large.png", 300, 200)
    code = (
        "import resource, sys; from realesr.cli.main import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["image", "-i", "in", "-o", "out", "--model-path", weights]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert names(tmp_path / "out") == ["1 small_out.png", "3 small_out.png"]
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("error"))
    assert "2 large.png" in line
    assert "File too large" in line


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_places_that_must_not_be_read_or_written_are_named(monkeypatch, capsys, unprivileged):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is for its user alone
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.chdir(folder)
        tiny_weights(folder).chmod(0o644)
        weights = "tiny-x4.safetensors"
        save(folder / "in/1.png")
        save(folder / "in/2.png").chmod(0)
        for place, mode in (("open", 0o777), ("closed", 0o555)):
            (folder / place).mkdir()
            (folder / place).chmod(mode)
        with unprivileged():
            assert main(["image", "-i", "in", "-o", "open", "--model-path", weights]) == 1
            assert main(["image", "-i", "in/1.png", "-o", "closed", "--model-path", weights]) == 1
        assert names(folder / "open") == ["1_out.png"]
        assert names(folder / "closed") == []
        (folder / "secret.pth").touch(mode=0)
        with unprivileged():
            assert main(["image", "-i", "in/1.png", "--model-path", "secret.pth"]) == 1
        monkeypatch.undo()
    errors = capsys.readouterr().err.splitlines()
    lines = [line for line in errors if line.startswith("error")]
    assert lines[0] == "error: in/2.png: Permission denied"
    assert lines[1] == "error: in/1.png: closed/1_out.png: Permission denied"
    assert "realesr: error: secret.pth: Permission denied" in errors


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["-i", "none.png"], 1, "none.png"),
        (["-i", "in.png", "-s", "0"], 2, "--outscale 0"),
        (["-i", "in.png", "--tile", "-4"], 2, "--tile -4"),
        (["-i", "in.png", "--device", "toaster"], 2, "--device toaster"),
        (["-i", "in.png", "-g", "77"], 1, "cuda:77"),
        (["-i", "in.png", "--width", "0"], 2, "--width 0"),
        (["-i", "in.png", "-s", "2", "--fit", "9x9"], 2, "choose one"),
        (["-i", "in.png", "-dn", "2"], 2, "--denoise-strength 2"),
        (["-i", "in.png", "--pre-pad", "-1"], 2, "--pre-pad -1"),
        (["-i", "in.png", "--device", "cuda:77"], 1, "cuda:77"),
        (["-i", "in.png", "--device", "cpu", "--precision", "fp16"], 1, "--precision fp16"),
        (["-i", "in.png", "--quality", "0"], 2, "--quality 0"),
        (["-i", "in.png", "--lossless", "--ext", "jpg"], 2, "--lossless"),
        (["-i", "in.png", "-o", "a.webp", "--ext", "png"], 2, "contradict"),
        (["-i", "in.png", "-n", "no-such-model"], 2, "no-such-model"),
        (["-i", "in.png", "--model-path", "none.pth"], 1, "none.pth"),
        (["-i", "in.png", "--model-path", "in.png"], 1, "in.png"),
        (["-i", "in.png", "-o", ".", "--suffix", ""], 2, "would replace an input"),
        (["-i", "in.png", "--suffix", "a/b"], 2, "--suffix"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(tmp_path, capsys, arguments, code, named):
    before = save(tmp_path / "in.png").read_bytes()
    assert main(["image", *arguments]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("realesr: error: ")
    assert named in line
    assert names(tmp_path) == ["in.png"]
    assert (tmp_path / "in.png").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["image", "-s", "many"],
        ["image", "--tile", "big"],
        ["image", "--fit", "300"],
        ["paint"],
        ["models"],
    ],
)
def test_usage_errors_exit_with_2_and_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("realesr: error: ")
    assert "--help" in line


def test_help_shows_defaults_as_people_write_them(capsys):
    with pytest.raises(SystemExit):
        main(["image", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "(default: inputs)" in shown
    assert "(default: realesr-photo-x4)" in shown
    assert not any(internal in shown for internal in ("PosixPath", "None", "False", "%("))


def test_an_output_that_cannot_be_written_is_named(tmp_path, weights, capsys):
    save(tmp_path / "in.png")
    (tmp_path / "file").write_text("in the way")
    assert main(["image", "-i", "in.png", "-o", "file/out", "--model-path", weights]) == 1
    errors = capsys.readouterr().err
    assert "in.png" in errors
    assert "file/out" in errors
    assert "Traceback" not in errors


def test_an_error_that_nobody_foresaw_fails_alone(tmp_path, weights, monkeypatch, capsys):
    """Injected through an image: its decoder meets something that it does not expect."""
    for name in ("1", "2", "3"):
        save(tmp_path / f"in/{name}.png")
    read = ImageSource.__iter__

    def explode_once(self):
        if self._path.name == "2.png":
            raise ZeroDivisionError("by design")
        return read(self)

    monkeypatch.setattr(ImageSource, "__iter__", explode_once)
    assert main(["image", "-i", "in", "-o", "out", "--model-path", weights]) == 1
    assert names(tmp_path / "out") == ["1_out.png", "3_out.png"]
    assert "error: in/2.png: ZeroDivisionError: by design" in capsys.readouterr().err


def test_unexpected_errors_show_a_traceback_only_when_asked(tmp_path, weights, monkeypatch, capsys):
    def explode(*_args, **_options):
        raise ZeroDivisionError("by design")

    save(tmp_path / "in.png")
    monkeypatch.setattr(LocalExecutor, "run", explode)
    assert main(["image", "-i", "in.png", "--model-path", weights]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError: by design" in line
    result = subprocess.run(
        [sys.executable, "-m", "realesr", "-vv", "image", "-i", "none"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Traceback" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interruption_leaves_only_whole_files(tmp_path, name):
    for index in range(200):
        save(tmp_path / f"in/{index:03}.png", 64, 64)
    # A parent that runs in the background may hand down that SIGINT is ignored.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from realesr.cli.main import main; sys.exit(main(['image', '-i', 'in', '-o', 'out']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/*.png")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.Signals[name])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1].startswith("realesr: interrupted")
    outputs = list((tmp_path / "out").iterdir())
    assert 0 < len(outputs) < 200
    for output in outputs:
        assert read_image(output).size.width == 256


@pytest.mark.parametrize("name", ["realesr-animevideov3.safetensors", "realesr-general-x4v3.pth"])
def test_official_networks_run(tmp_path, name):
    path = shared(f"weights/{name}")
    save(tmp_path / "in.png", 21, 13)
    assert main(["image", "-i", "in.png", "--model-path", str(path)]) == 0
    assert read_image(tmp_path / "results/in_out.png").size.width == 84


def test_a_watched_folder_is_emptied_until_the_end(tmp_path, monkeypatch, capsys):
    save(tmp_path / "drop/a.png", 8, 6)
    looks = []

    def put_something_in(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            save(tmp_path / "drop/b.png", 6, 8)
        if len(looks) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr("realesr.cli.watch.time.sleep", put_something_in)
    assert main(["image", "-i", "drop", "--watch", "--json", "-n", "bicubic"]) == 130
    lines = [json.loads(line)["output"] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["results/a_out.png", "results/b_out.png"]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [
        "a_out.png",
        "b_out.png",
    ]


def test_memory_and_threads_can_be_bounded(tmp_path, weights, capsys):
    save(tmp_path / "in.png", 80, 60)
    before = torch.get_num_threads()
    try:
        command = ["image", "-i", "in.png", "--model-path", weights]
        assert main([*command, "--memory-budget", "1M", "--threads", "1", "-o", "a.png"]) == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert main([*command, "-o", "b.png"]) == 0
    small, large = (read_image(tmp_path / name).pixels.astype(int) for name in ("a.png", "b.png"))
    assert np.abs(small - large).max() <= 1
    with pytest.raises(SystemExit):
        main([*command, "--memory-budget", "lots"])
    assert "such as 800M or 2G" in capsys.readouterr().err


def test_bench_tells_what_each_precision_takes(tmp_path, weights, capsys):
    command = ["bench", "--model-path", weights, "--size", "24x16", "--device", "cpu"]
    assert main([*command, "--json", "--fp32"]) == 0
    (row,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert row["model"] == "tiny-x4.safetensors"
    assert row["precision"] == "fp32"
    assert row["s/MP"] > 0
    assert row["fps"] > 0
    assert row["tile"] >= 32
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "fp16" not in out
    assert out.count("tiny-x4") >= 1
    assert out.count("*") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["image", "photo.jpg"], "photo.jpg: no such file or folder"),
        (["image", "-i", "in.png", "-n", "realesrgan_x4plus"], "did you mean RealESRGAN_x4plus?"),
        (["models", "info", "absent.pth"], "absent.pth: no such file of weights"),
        (["image", "-i", "in.png", "--model-path", "in.png"], "is a picture (PNG)"),
        (["image", "-i", "in.png", "--ext", "tga"], "invalid choice: 'tga'"),
    ],
)
def test_mistakes_are_answered_with_what_helps(tmp_path, capsys, arguments, words):
    save(tmp_path / "in.png")
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code in (1, 2)
    assert words in capsys.readouterr().err


def test_suffixes_may_be_spelled_as_people_do(tmp_path):
    save(tmp_path / "in.png")
    assert main(["image", "-i", "in.png", "-n", "nearest", "--ext", ".WEBP"]) == 0
    assert (tmp_path / "results/in_out.webp").is_file()


def test_the_first_gpu_may_be_no_gpu(tmp_path, weights):
    """The reference takes ``-g 0`` for its default device, be it a CPU."""
    save(tmp_path / "in.png")
    assert main(["image", "-i", "in.png", "--model-path", weights, "-g", "0"]) == 0


@pytest.mark.parametrize(
    "arguments", [["a.png", "b.png", "-o", "out"], ["-o", "out", "a.png", "-i", "b.png"]]
)
def test_inputs_need_no_option(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Path(name).write_bytes(b"looked at by name only")
    assert main(["image", *arguments, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{name}.png -> {Path('out', f'{name}_out.png')}" for name in "ab"
    ]


def test_files_apart_are_answered_with_advice(capsys):
    with pytest.raises(SystemExit):
        main(["image", "a.png", "-o", "out", "b.png"])
    assert "name all files together" in capsys.readouterr().err


def test_without_a_command_the_help_is_printed(capsys):
    assert main([]) == 0
    assert "make images larger" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["image", "video", "train"])
def test_help_ends_with_examples(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"realesr {command}" in capsys.readouterr().out.partition("examples:")[2]


def run_realesr(*arguments, **options):
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    options = {**pipes, "check": False, **options}
    return subprocess.run([sys.executable, "-m", "realesr", *map(str, arguments)], **options)


@pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")
def test_one_bad_entry_does_not_reach_the_others(tmp_path):
    """Every kind of trouble at once, under an encoding that lacks most names."""
    names_of_good = [
        b"a.png",
        b"ae.jpg",
        b"ae.png",  # both become ae_out.webp
        b"b\xff.png",
        "c\u00e4.png".encode(),
        b"d\x1b[31m\nred.png",
        b"e" * 246 + b".png",
        b"f.dat",
        b"z.png",
    ]
    whole = save(tmp_path / "whole.png", 8, 6).read_bytes()
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names_of_good:
        (folder / os.fsdecode(name)).write_bytes(whole)
    (folder / ("y" * 251 + ".png")).write_bytes(whole)  # its output would be longer than 255
    (folder / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "notes.txt").write_text("text")
    arguments = ["image", "in", "gone.png", "-o", "out", "-n", "nearest", "--ext", "webp", "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = run_realesr(*arguments, env=environment, timeout=60)
    assert result.returncode == 1
    lines = [json.loads(line) for line in result.stdout.decode("ascii").splitlines()]
    done = {os.fsencode(line["input"]): line["output"] for line in lines if not line["error"]}
    assert sorted(done) == sorted(b"in/" + name for name in names_of_good)
    assert {os.fsencode(name) for name in done.values()} == {
        b"out/" + os.fsencode(name) for name in names(tmp_path / "out")
    }
    assert done[b"in/ae.png"] == "out/ae_out_2.webp"
    failed = {line["input"]: line["error"] for line in lines if line["error"]}
    assert set(failed) == {"gone.png", "in/loop.png", "in/" + "y" * 251 + ".png"}
    assert "too long for this file system" in failed["in/" + "y" * 251 + ".png"]
    errors = result.stderr.decode("ascii")
    assert not any(sign < " " and sign != "\n" for sign in errors)
    assert r"in/d\x1b[31m\nred.png -> " in errors
    assert r"in/b\xff.png -> " in errors
    assert "note: in/pipe.png is a FIFO: left out" in errors
    assert "note: in/zero.png is a device: left out" in errors
    assert "3 of 12 images failed, 9 done" in errors


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_for_words_that_is_full_fails_no_job(tmp_path):
    save(tmp_path / "in/a.png")
    save(tmp_path / "in/b.png")
    arguments = ["image", "in", "-n", "nearest"]
    with Path("/dev/full").open("w") as full:
        result = run_realesr(*arguments, "--json", stdout=full, stderr=subprocess.PIPE)
        assert result.returncode == 1
        assert result.stderr.decode().splitlines()[-1] == (
            "realesr: error: standard output: No space left on device"
        )
        assert names(tmp_path / "results") == ["a_out.png", "b_out.png"]
        for words in (["--help"], ["models", "list"], [*arguments, "--dry-run"]):
            result = run_realesr(*words, stdout=full, stderr=subprocess.PIPE)
            assert result.returncode == 1
            (line,) = result.stderr.decode().splitlines()
            assert line == "realesr: error: standard output: No space left on device"
        result = run_realesr(*arguments, "-o", "more", stdout=full, stderr=full)
        assert result.returncode == 0
        result = run_realesr("image", "in/a.png", "-o", "-", stdout=full, stderr=subprocess.PIPE)
        assert result.returncode == 1
        assert b"Traceback" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&- >&- 2>&-", "| head -0"])
def test_streams_that_are_closed_fail_no_job(tmp_path, closing):
    for name in ("a", "b", "c"):
        save(tmp_path / f"in/{name}.png")
    command = f"{sys.executable} -m realesr image in -n nearest --json {closing}"
    result = subprocess.run(command, shell=True, capture_output=True, check=False)  # noqa: S602
    assert result.returncode == 0
    assert b"rror" not in result.stderr
    assert names(tmp_path / "results") == ["a_out.png", "b_out.png", "c_out.png"]
    assert read_image(tmp_path / "results/c_out.png").size.width == 48


@pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")
def test_an_image_comes_through_a_fifo(tmp_path, weights):
    data = save(tmp_path / "a.png").read_bytes()
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "realesr", "image", "pipe", "-n", "nearest"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        (tmp_path / "pipe").write_bytes(data)
        assert process.wait(60) == 0
    assert names(tmp_path / "results") == ["pipe_out.png"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")
def test_an_output_that_is_a_fifo_is_not_replaced(tmp_path, capsys):
    save(tmp_path / "a.png")
    (tmp_path / "results").mkdir()
    os.mkfifo(tmp_path / "results/a_out.png")
    assert main(["image", "a.png", "-n", "nearest"]) == 1
    assert "results/a_out.png: is a FIFO, and not replaced" in capsys.readouterr().err
    assert main(["image", "a.png", "-n", "nearest", "-o", "results/a_out.png"]) == 2
    assert "results/a_out.png is a FIFO" in capsys.readouterr().err
    assert (tmp_path / "results/a_out.png").is_fifo()
    assert names(tmp_path / "results") == ["a_out.png"]


@pytest.mark.skipif(os.name == "nt", reason="a signal of POSIX")
def test_the_next_run_removes_what_a_killed_one_has_left(tmp_path):
    for index in range(100):
        save(tmp_path / f"in/{index:03}.png", 96, 96)
    command = [sys.executable, "-m", "realesr", "image", "in", "-o", "out", "-s", "2"]
    left = []
    for _ in range(6):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not left and process.poll() is None and time.monotonic() < deadline:
            left = list(tmp_path.glob("out/.*.part"))
        process.kill()
        process.wait()
        left = [path for path in left if path.exists()]
        if left:
            break
    assert left, "was not hit while it wrote"
    assert run_realesr("image", "in/000.png", "-o", "out", "-n", "nearest").returncode == 0
    assert not [path for path in left if path.exists()]


def test_if_every_input_is_bad_no_model_is_loaded(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("text")
    command = ["image", "gone.png", "notes.txt", "--json", "--model-path", "none.pth"]
    assert main(command) == 1
    output, errors = capsys.readouterr()
    lines = [json.loads(line) for line in output.splitlines()]
    assert [(line["input"], line["output"]) for line in lines] == [
        ("gone.png", None),
        ("notes.txt", None),
    ]
    assert errors.splitlines()[0] == "error: gone.png: no such file or folder"
    assert errors.splitlines()[-1] == "2 of 2 images failed, 0 done"
