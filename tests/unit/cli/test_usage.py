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
