"""``realesr tune`` and ``realesr compare`` as commands."""

import json
import os
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.cli import tune
from realesr.cli.main import main
from realesr.geometry import Size
from realesr.media.images.decode import read_image
from realesr.tuning import trial

from support.clips import make_clip
from support.networks import tiny_weights


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Here the bundled models are a tiny one, so that trials are fast."""
    monkeypatch.chdir(tmp_path)
    tiny = tiny_weights(tmp_path)

    def find(spec):
        return tiny if spec.weights.url is None else None

    monkeypatch.setattr(tune, "find_local_weights", find)
    monkeypatch.setattr("realesr.loading.resolve._obtain", lambda spec, **_: tiny)


def image(path, width=160, height=120, factor=1):
    noise = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    image = PillowImage.fromarray(noise).resize((width // factor, height // factor), 0)
    image.resize((width, height), PillowImage.Resampling.LANCZOS).save(path, quality=60)
    return path


def test_tune_proposes_a_command_that_can_be_typed(tmp_path, capsys):
    image(tmp_path / "a.jpg", 320, 240, factor=4)
    assert main(["tune", "-i", "a.jpg"]) == 0
    out = capsys.readouterr().out
    assert "quality 60" in out
    assert "  not here (5 MB)" in out
    lines = [line for line in out.splitlines() if line.startswith("realesr ")]
    assert len(lines) == 2
    for line in lines:
        assert main([*shlex.split(line)[1:], "-q"]) == 0
    assert read_image(tmp_path / "a-tune.jpg").size.width > 4 * 512
    assert read_image(tmp_path / "results/a-small_out.png").size == Size(320, 240)


def test_networks_are_tried_with_the_color_that_the_command_gives_them(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    PillowImage.fromarray(noise).save("a.jpg", quality=20)
    given, really = {}, trial.run_trial

    def run_trial(name, upscaler, parts, outscale, **options):
        given[name] = parts[0].pixels
        return really(name, upscaler, parts, outscale, **options)

    monkeypatch.setattr(trial, "run_trial", run_trial)
    assert main(["tune", "-i", "a.jpg"]) == 0
    for name, is_smoothed in (("bicubic", False), ("realesr-photo-x4", True)):
        expected = read_image(tmp_path / "a.jpg", smooth_color=is_smoothed).pixels
        np.testing.assert_array_equal(given[name], expected)


def test_tune_as_json_and_as_a_page(tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    PillowImage.fromarray(noise).save("a.jpg")
    extra = tiny_weights(tmp_path).rename(tmp_path / "extra.safetensors")
    tiny_weights(tmp_path)
    assert main(["tune", str(extra), "-i", "a.jpg", "--json", "-o", "page.html"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in found["trials"]] == ["bicubic", "realesr-photo-x4", "extra"]
    assert found["proposed"]["commands"] == ["realesr image -i a.jpg"]
    assert "extra" in (tmp_path / "page.html").read_text()


def test_tune_tries_every_model_that_is_named(tmp_path, capsys):
    """Also one that is called as another is, and a suitable one that is not here."""
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    PillowImage.fromarray(noise).save("a.jpg")
    for name in ("bicubic", "realesr-photo-x4"):
        shutil.copy(tiny_weights(tmp_path), tmp_path / f"{name}.safetensors")
    named = [
        *("realesr-photo-x4", "RealESRGAN_x4plus", "nearest"),
        *("bicubic.safetensors", "bicubic=realesr-anime-x4", "./realesr-photo-x4.safetensors"),
    ]
    assert main(["tune", *named[:4], "-i", "a.jpg", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in found["trials"]] == [
        *("bicubic", "realesr-photo-x4", "RealESRGAN_x4plus", "nearest", "bicubic.safetensors")
    ]
    assert "RealESRGAN_x4plus" not in found["not_here"]
    assert main(["tune", *named[4:], "-i", "a.jpg", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in found["trials"]] == [
        *("bicubic", "realesr-photo-x4", "realesr-anime-x4", "realesr-photo-x4.safetensors")
    ]


@pytest.mark.parametrize("command", ["compare", "tune"])
@pytest.mark.parametrize(
    ("named", "words"),
    [
        (["x="], "'x=': the model is missing; write x=. for the current folder"),
        ([""], "'': the model is missing; write . for the current folder"),
        (["  "], "'  ': the model is missing; write . for the current folder"),
        (
            ["t.safetensors", "p/t.safetensors"],
            "two entries are called t: give one another name, as in NAME=p/t.safetensors",
        ),
    ],
)
def test_models_that_are_missing_or_have_one_name(tmp_path, capsys, command, named, words):
    image(tmp_path / "a.jpg")
    (tmp_path / "p").mkdir()
    for folder in (tmp_path, tmp_path / "p"):
        shutil.copy(tiny_weights(tmp_path), folder / "t.safetensors")
    assert main([command, *named, "-i", "a.jpg"]) == 2
    assert capsys.readouterr().err == f"realesr: error: {words}\n"


def test_tune_refuses_ready_results(tmp_path, capsys):
    image(tmp_path / "a.jpg")
    for ready in (".", "mine=.", "a.jpg"):
        assert main(["tune", ready, "-i", "a.jpg"]) == 2
        assert "ready results, which `realesr compare` shows" in capsys.readouterr().err


def test_tune_of_a_clip(tmp_path, capsys):
    make_clip(tmp_path / "c.mp4")
    assert main(["tune", "-i", "c.mp4", "-o", "c.png"]) == 0
    out = capsys.readouterr().out
    assert "24 frames" in out
    assert out.splitlines()[-1] == "realesr video -i c.mp4"
    assert (tmp_path / "c.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["tune", "-i", "none.jpg"],
        ["tune", "-i", "."],
        ["tune", "-i", "a.jpg", "-o", "a.jpg"],
        ["tune", "-i", "a.jpg", "-o", "sheet.gif"],
        ["compare", "bicubic"],
        ["compare", "-i", "a.jpg"],
        ["compare", "bicubic", "-i", "a.jpg", "--blind"],
        ["compare", "bicubic", "-i", "a.jpg", "-o", "a.jpg"],
        ["compare", "bicubic", "-i", "a.jpg", "--format", "mp4"],
        ["compare", "--tally", "a.jpg"],
    ],
)
def test_what_cannot_be_is_told(tmp_path, capsys, arguments):
    image(tmp_path / "a.jpg")
    image(tmp_path / "ready.png")
    before = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert main(arguments) in (1, 2)
    assert capsys.readouterr().err.startswith("realesr: error: ")
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == before


@pytest.mark.parametrize("command", ["compare", "tune"])
@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("a.jpg/new/o.html", "a file is where a folder should be"),
        ("closed/o.html", "Permission denied"),
        ("closed/new/o.html", "Permission denied"),
        ("fifo.html", "is a FIFO, and not replaced"),
        ("n" * 300 + ".html", "the name is too long for this file system"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_any_work(
    tmp_path, capsys, monkeypatch, unprivileged, command, output, words
):
    def work(*arguments, **options):
        pytest.fail("a model is loaded")

    monkeypatch.setattr(f"realesr.cli.{command}.load", work)
    image(tmp_path / "a.jpg")
    tmp_path.chmod(0o777)
    (tmp_path / "closed").mkdir(mode=0o500)
    os.mkfifo(tmp_path / "fifo.html")
    before = sorted(tmp_path.rglob("*"))
    with unprivileged():
        assert main([command, "bicubic", "-i", "a.jpg", "-o", output]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"realesr: error: --output {output}: ")
    assert words in error
    assert sorted(tmp_path.rglob("*")) == before


def test_a_missing_folder_of_the_output_is_made_in_the_end(tmp_path):
    image(tmp_path / "a.jpg")
    assert main(["compare", "bicubic", "-i", "a.jpg", "-q", "-o", "new/folder/o.html"]) == 0
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["o.html"]
    assert main(["compare", "nearest", "-i", "a.jpg", "-o", "other/o.html", "--limit", "9k"]) == 2
    assert not (tmp_path / "other").exists()


def test_a_limit_names_its_option(tmp_path, capsys):
    image(tmp_path / "a.png")
    for limit, words in (("10k", "more than 10 kB"), ("1", "more than 1 kB")):
        assert main(["compare", "bicubic", "-i", "a.png", "-q", "--limit", limit]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert "--limit" in error
        assert "--crop" in error
    assert not (tmp_path / "comparison.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bicubic", "--tally", "r.json"], "drop MODEL"),
        (["--tally", "r.json", "-i", "a.jpg"], "drop --input"),
        (["--tally", "r.json", "-o", "p.html"], "drop --output"),
        (["--tally", "r.json", "--blind"], "drop --blind"),
        (["--tally", "r.json", "--fp32"], "drop --precision"),
        (["bicubic", "-i", "a.jpg", "--json"], "--json is for the result of --tally"),
        (["--json"], "--json is for the result of --tally"),
    ],
)
def test_answers_and_pages_do_not_mix(tmp_path, capsys, arguments, words):
    image(tmp_path / "a.jpg")
    answers = {"format": "realesr-ratings", "version": 1, "page": "p", "asked": "pairs"}
    answers |= {"rater": "Ada", "entries": ["a"], "answers": []}
    (tmp_path / "r.json").write_text(json.dumps(answers))
    assert main(["compare", *arguments]) == 2
    out, error = capsys.readouterr()
    assert words in error
    assert out == ""
    assert main(["compare", "--tally", "r.json", "--json", "-v"]) == 0


def test_options_of_a_page_that_do_nothing_are_told(tmp_path, capsys):
    image(tmp_path / "a.jpg")
    options = ["--crf", "9", "--frames", "3", "--seed", "4", "--format", "png", "--quality", "9"]
    assert main(["compare", "nearest", "-i", "a.jpg", "-q", *options]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "note: --crf and --frames do nothing for images",
        "note: --quality does nothing for PNG, which loses nothing",
        "note: --seed does nothing without --blind",
    ]
    assert main(["compare", "nearest", "-i", "a.jpg", "-q", "--tile", "0", "--tile-pad", "3"]) == 0
    assert "--tile-pad does nothing with --tile 0" in capsys.readouterr().err
