"""Command lines that cannot be meant."""

import os
import subprocess
import sys

import pytest

from realesr.cli.main import main


@pytest.mark.parametrize(
    "arguments",
    [
        ["image", ""],
        ["image", "-i", "a.png", ""],
        ["image", "a.png", "-o", ""],
        ["video", "-i", ""],
        ["degrade", "", "-o", "out"],
        ["evaluate", "--sets", "", "--models", "bicubic", "-o", "out"],
        ["prepare", "", "-o", "out"],
        ["compare", "bicubic", "-i", ""],
        ["train", "recipe", "--data", "", "--out", "run"],
    ],
)
def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "a name is missing" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no current folder")
def test_a_removed_current_folder_is_told(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        f"import os, sys; os.rmdir({str(gone)!r}); from realesr.cli.main import main; "
        "sys.exit(main(sys.argv[1:]))"
    )

    def run(*arguments):
        command = [sys.executable, "-c", code, *arguments]
        gone.mkdir(exist_ok=True)
        return subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)

    assert "realesr-photo-x4" in run("models", "list").stdout
    found = run("image", "-i", str(tmp_path), "-n", "bicubic")
    assert found.returncode == 1
    assert found.stderr == (
        "realesr: error: the current folder has been removed: change to another\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [["doctor", "x"], ["bench", "x"], ["models", "list", "x"], ["completion", "bash", "x"]],
)
def test_commands_without_files_give_no_advice_about_files(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    command = " ".join(each for each in arguments if each not in ("x", "bash"))
    assert capsys.readouterr().err == (
        f"realesr: error: unrecognized arguments: x (`realesr {command} --help` lists all)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "noun"),
    [(["image", "a.png", "-o", "b", "c.png"], "files"), (["tune", "x", "-i", "a", "y"], "models")],
)
def test_what_stands_apart_is_called_by_its_kind(capsys, arguments, noun):
    with pytest.raises(SystemExit):
        main(arguments)
    error = capsys.readouterr().err
    assert f"{arguments[-1]}: name all {noun} together" in error
    assert f"`realesr {arguments[0]} --help`" in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fetch"], "models fetch downloads what is named, or --all: say what"),
        (["fetch", "--all", "yunet"], "models fetch downloads what is named, or --all: drop one"),
        (["fetch", "yunnet"], "no model is called 'yunnet'; did you mean yunet?"),
        (["verify", "realesr_photo"], "'realesr_photo'; did you mean realesr-photo-x4?"),
        (["verify", "bicubic"], "bicubic is a plain filter: it has no weights"),
        (["info", "nope"], "Nor is it a file, such as new.safetensors"),
    ],
)
def test_errors_of_models_name_what_these_commands_take(capsys, arguments, words):
    assert main(["models", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("realesr: error: ")
    assert words in error
    assert "--model-path" not in error
    assert "known:" not in error or "bicubic" not in error


def test_the_service_has_no_files(capsys):
    pytest.importorskip("fastapi")
    assert main(["serve", "-n", "nope"]) == 2
    error = capsys.readouterr().err
    assert "A service has models of the catalog alone" in error
    assert "--model-path" not in error
