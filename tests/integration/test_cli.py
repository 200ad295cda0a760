"""The command as a shell sees it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from realesr import pipeline
from realesr.cli.main import main
from realesr.media.images import read_image

from support.networks import random_image, tiny_weights
from support.paths import ROOT, shared
from support.pictures import write_image


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
    grey = read_image(tmp_path / "results/b_out.png")
    assert grey.is_gray
    assert (grey.size.width, grey.size.height) == (48, 36)


@pytest.mark.parametrize(("scale", "size"), [("4", (48, 36)), ("2.5", (30, 22)), ("1", (12, 9))])
def test_any_scale(tmp_path, weights, scale, size):
    save(tmp_path / "in.png")
    assert main(["image", "-i", "in.png", "-s", scale, "--model-path", weights]) == 0
    enlarged = read_image(tmp_path / "results/in_out.png")
    assert (enlarged.size.width, enlarged.size.height) == size


def test_a_resize_rounds_once(tmp_path, weights):
    """Enlarging to the native scale by way of a resize differs by at most one level."""
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


def test_bad_files_fail_alone(tmp_path, weights, capsys):
    save(tmp_path / "in/1 good.png")
    (tmp_path / "in/2 bad.png").write_text("not a picture")
    (tmp_path / "in/3 empty.jpg").write_text("")
    (tmp_path / "in/notes.txt").write_text("left out")
    save(tmp_path / "in/4 good.jpg")
    assert main(["image", "-i", "in", "-o", "out", "--model-path", weights]) == 1
    assert names(tmp_path / "out") == ["1 good_out.png", "4 good_out.jpg"]
    lines = capsys.readouterr().err.splitlines()
    for bad in ("in/2 bad.png", "in/3 empty.jpg"):
        assert sum(line.startswith(f"error: {bad}: ") for line in lines) == 1
    assert "2 of 4 pictures failed, 2 done" in lines
    assert any("notes.txt" in line for line in lines)
    assert not any("Traceback" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["-i", "none.png"], 1, "none.png"),
        (["-i", "in.png", "-s", "0"], 2, "--outscale 0"),
        (["-i", "in.png", "--tile", "-4"], 2, "--tile -4"),
        (["-i", "in.png", "--device", "toaster"], 2, "--device toaster"),
        (["-i", "in.png", "--device", "cuda:77"], 1, "cuda:77"),
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


@pytest.mark.parametrize("arguments", [[], ["image", "-s", "many"], ["paint"], ["models"]])
def test_usage_errors_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2


def test_an_output_that_cannot_be_written_is_named(tmp_path, weights, capsys):
    save(tmp_path / "in.png")
    (tmp_path / "file").write_text("in the way")
    assert main(["image", "-i", "in.png", "-o", "file/out", "--model-path", weights]) == 1
    errors = capsys.readouterr().err
    assert "in.png" in errors
    assert "file/out" in errors
    assert "Traceback" not in errors


def test_an_error_that_nobody_foresaw_fails_alone(tmp_path, weights, monkeypatch, capsys):
    """Injected through a picture: its decoder meets something that it does not expect."""
    for name in ("1", "2", "3"):
        save(tmp_path / f"in/{name}.png")
    read = pipeline.ImageSource.__iter__

    def explode_once(self):
        if self._path.name == "2.png":
            raise ZeroDivisionError("by design")
        return read(self)

    monkeypatch.setattr(pipeline.ImageSource, "__iter__", explode_once)
    assert main(["image", "-i", "in", "-o", "out", "--model-path", weights]) == 1
    assert names(tmp_path / "out") == ["1_out.png", "3_out.png"]
    assert "error: in/2.png: ZeroDivisionError: by design" in capsys.readouterr().err


def test_unexpected_errors_show_a_traceback_only_when_asked(tmp_path, weights, monkeypatch, capsys):
    def explode(*_args, **_options):
        raise ZeroDivisionError("by design")

    save(tmp_path / "in.png")
    monkeypatch.setattr(pipeline, "run", explode)
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
def test_an_interruption_leaves_only_whole_files(tmp_path):
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
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1].startswith("realesr: interrupted")
    outputs = list((tmp_path / "out").iterdir())
    assert 0 < len(outputs) < 200
    for output in outputs:
        assert read_image(output).size.width == 256


def test_models_list(capsys):
    assert main(["models", "list"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "SCALE", "LICENCE", "MADE", "FOR", "WEIGHTS"]
    (photo,) = (row for row in rows if row.startswith("realesr-photo-x4 "))
    assert str(ROOT / "weights") in photo


@pytest.mark.parametrize("name", ["realesr-animevideov3.safetensors", "realesr-general-x4v3.pth"])
def test_official_networks_run(tmp_path, name):
    path = shared(f"weights/{name}")
    save(tmp_path / "in.png", 21, 13)
    assert main(["image", "-i", "in.png", "--model-path", str(path)]) == 0
    assert read_image(tmp_path / "results/in_out.png").size.width == 84
