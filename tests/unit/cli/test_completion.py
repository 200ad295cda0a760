"""``realesr completion``: what a real shell offers."""

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from realesr.cli import completion
from realesr.cli.main import main, make_parser

TRY = """\
source realesr.bash
COMP_WORDS=("$@")
COMP_CWORD=$(( $# - 1 ))
_shtab_realesr 2> /dev/null
printf '%s\\n' "${COMPREPLY[@]}"
complete -p realesr
"""
"""What bash does when the tab key is pressed."""


@pytest.fixture
def offered(tmp_path, monkeypatch, capsys):
    """A function that returns what bash offers for the last of some words."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not here")
    monkeypatch.chdir(tmp_path)
    assert main(["completion", "bash"]) == 0
    Path("realesr.bash").write_text(capsys.readouterr().out)
    Path("try.bash").write_text(TRY)
    (tmp_path / "photos").mkdir()
    for name in ("a b.png", "net.pth"):
        (tmp_path / name).touch()

    def press_tab(*words):
        command = [bash, "try.bash", "realesr", *words]
        *found, rule = subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert "-o default" in rule  # names that are quoted or begin with ~
        return {each for each in found if each and not each.startswith(("try.", "realesr."))}

    return press_tab


def test_inputs_and_outputs_are_files(offered):
    everything = {"a b.png", "net.pth", "photos"}
    assert offered("image", "") == everything
    assert offered("image", "a.png", "-o", "p") == {"photos"}
    assert offered("video", "-i", "a") == {"a b.png"}
    assert offered("image", "x.png", "--model-path", "n") == {"net.pth"}
    assert offered("compare", "bicubic", "-i", "") == everything
    assert offered("evaluate", "--sets", "") == {"photos"}


def test_models_are_named(offered):
    assert offered("image", "a.png", "-n", "b") == {"bilinear", "bicubic"}
    assert offered("bench", "-n", "bicubic", "la") == {"lanczos"}
    assert offered("models", "fetch", "GFPGANv1.3", "yu") == {"yunet"}
    assert offered("compare", "n") == {"nearest", "net.pth"}
    assert offered("compare", "bicubic", "realesr-ph") == {
        *("realesr-photo-x4", "realesr-photo-x4-faithful")
    }
    assert offered("models", "info", "ne") == {"net.pth"}
    assert offered("tune", "ne") == {"nearest", "net.pth"}
    assert offered("image", "a.png", "--precision", "f") == {"fp32", "fp16"}


def test_every_path_and_model_of_every_command_is_known():
    arguments = list(completion._arguments(make_parser()))
    for action in arguments:
        if action.type is not None and getattr(action.type, "__name__", "") in ("Path", "path_of"):
            assert action.metavar in (*completion._FILES, *completion._FOLDERS), action.dest
    assert set(completion._NAMES) <= {action.dest for action in arguments}
    assert not any(isinstance(each, argparse._SubParsersAction) for each in arguments)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_know_models_and_files(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("realesr-photo-x4", "yunet", "bicubic", {"zsh": "_files"}.get(shell, "path")):
        assert word in script
