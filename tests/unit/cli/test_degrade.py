import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.cli.main import main

from support.images import textured_pair


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    pixels = textured_pair(70, 96)[0]
    for name in ("a.png", "b.png", "deep/a.png"):
        PillowImage.fromarray(pixels).save(tmp_path / "in" / name)
    return tmp_path


def pixels_of(path):
    return np.asarray(PillowImage.open(path))


def test_a_file_alone_becomes_what_it_becomes_in_a_folder(folder, capsys):
    assert main(["degrade", "in", "-r", "-o", "all", "--json", "--seed", "7"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["output_size"] for line in lines] == [[24, 17]] * 3
    assert lines[0]["level"] == "medium"
    assert [notice["code"] for notice in lines[0]["notices"]] == ["edge-cropped"]
    assert main(["degrade", "in/b.png", "-o", "alone.png", "--seed", "7"]) == 0
    assert (pixels_of("all/b_out.png") == pixels_of("alone.png")).all()
    assert (pixels_of("all/a_out.png") == pixels_of("all/deep/a_out.png")).all()
    assert (pixels_of("all/a_out.png") != pixels_of("alone.png")).any()


def test_results_are_png_by_default(folder):
    PillowImage.fromarray(textured_pair(64, 64)[0]).save("in/c.jpg")
    assert main(["degrade", "in/c.jpg", "-o", "out", "--scale", "2", "--suffix", ""]) == 0
    assert pixels_of("out/c.png").shape == (32, 32, 3)


def test_the_steps_are_drawn(folder):
    options = ["--show-steps", "fig/steps.png", "--order", "3", "--level", "paper", "-q"]
    assert main(["degrade", "in/a.png", "-o", "out", *options]) == 0
    assert pixels_of("fig/steps.png").shape[0] > 3 * 200
    assert main(["degrade", "in/a.png", "-o", "out", "--show-steps", "in/a.png"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--order", "0"], "--order 0: must be between 1 and 10"),
        (["--fixed", "--level", "paper"], "with --fixed, --level paper: must be one of clean"),
        (["--fixed", "--order", "2"], "--order counts random rounds, and --fixed has none"),
        (["--scale", "99"], "--scale 99: must be between 1 and 16"),
    ],
)
def test_what_cannot_be_is_refused(folder, capsys, options, message):
    assert main(["degrade", "in", *options]) == 2
    assert message in capsys.readouterr().err


def test_pytorch_is_not_imported(folder):
    import subprocess
    import sys

    code = (
        "import sys; from realesr.cli.main import main; "
        "main(['degrade', 'in/a.png', '-o', 'x.png', '--level', 'paper', '-q']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
