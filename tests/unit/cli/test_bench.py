"""``realesr bench``: what it marks, refuses and tells."""

import json

import pytest

from realesr.cli import bench
from realesr.cli.main import main
from realesr.engine.native.bindings import lanes

from support.networks import tiny_weights
from support.onnx_files import write_onnx

SMALL = ("--size", "24x16", "--device", "cpu")


@pytest.fixture
def weights(tmp_path):
    return str(tiny_weights(tmp_path))


def rows(capsys, *arguments):
    capsys.readouterr()
    assert main(["bench", *SMALL, *arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_onnx_network_has_one_precision_which_auto_chooses(tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    (row,) = rows(capsys, "--model-path", str(write_onnx(tmp_path / "a.onnx")))
    assert (row["precision"], row["is_auto"]) == ("fp32", True)


@pytest.mark.skipif(not lanes(), reason="the native engine is not here")
def test_the_mark_is_that_of_the_engine(capsys):
    (row,) = rows(capsys, "-n", "realesr-anime-x4", "--engine", "native")
    assert (row["precision"], row["is_auto"]) == ("fp32", True)


def test_a_filter_has_neither_precision_nor_tile(capsys):
    (row,) = rows(capsys, "-n", "bicubic")
    assert (row["precision"], row["tile"], row["is_auto"]) == (None, None, False)
    assert main(["bench", *SMALL, "-n", "bicubic"]) == 0
    out = capsys.readouterr().out
    assert "None" not in out
    assert "*" not in out


def test_all_options_of_tiles_reach_the_models(weights, monkeypatch):
    given = []
    really = bench.make_upscaler

    def make_upscaler(options, files, **others):
        given.append(options)
        return really(options, files, **others)

    monkeypatch.setattr(bench, "make_upscaler", make_upscaler)
    options = ("--tile", "64", "--tile-pad", "3", "--pre-pad", "5", "--compile", "--fp32")
    assert main(["bench", *SMALL, "--model-path", weights, *options]) == 0
    assert {(each.tile, each.tile_pad, each.pre_pad, each.is_compiled) for each in given} == {
        (64, 3, 5, True)
    }


def test_options_without_effect_are_told_once(weights, capsys):
    assert main(["bench", *SMALL, "--model-path", weights, "--compile"]) == 0
    assert capsys.readouterr().err == "note: --compile does nothing on cpu\n"
    assert main(["bench", *SMALL, "-n", "bicubic", "--tile", "0", "--tile-pad", "9"]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert "--tile-pad does nothing with --tile 0" in first
    assert "--device, --tile and --tile-pad do nothing for bicubic" in second


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-n", "bicubic", "bogus"), 2, "no model is called 'bogus'"),
        (("-n", "bicubic", "--model-path", "none.pth"), 1, "none.pth: no such file of weights"),
        (("-n", "bicubic", "--size", "99999x99999"), 2, "--size 99999x99999: with its result of "),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_printed(capsys, arguments, code, words):
    assert main(["bench", *arguments]) == code
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(f"realesr: error: {words}")


@pytest.mark.parametrize("command", ["bench", "compare", "tune", "serve"])
def test_commands_that_compute_in_one_process_take_one_gpu(capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([command, "-g", "0,1"])
    assert stop.value.code == 2
    assert "'0,1': this command computes on one GPU: name one" in capsys.readouterr().err
