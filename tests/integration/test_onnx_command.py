"""ONNX networks through the commands."""

import json

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from PIL import Image

from realesr.cli.main import main
from realesr.media.images.decode import read_image

from support.clips import make_clip
from support.onnx_files import write_onnx


def test_an_image_and_a_video(tmp_path, capsys):
    network = str(write_onnx(tmp_path / "n.onnx", fixed=(32, 32), blurs=True))
    clip = make_clip(tmp_path / "clip.mp4", image="testsrc2=size=48x40:rate=24:duration=0.125")
    output = tmp_path / "large.mkv"
    common = ["--model-path", network, "--threads", "1", "--json"]
    assert main(["video", "-i", str(clip), "-o", str(output), *common]) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["frames"] == 3
    frames = tmp_path / "frames"
    frames.mkdir()
    assert main(["video", "-i", str(output), "-o", f"{frames}/%02d.png", "-n", "nearest", "-s",
                 "1", "-q"]) == 0  # fmt: skip
    first = next(iter(sorted(frames.iterdir())))
    assert read_image(first).size.width == 96
    large = tmp_path / "large.png"
    assert main(["image", "-i", str(first), "-o", str(large), *common, "-s", "3"]) == 0
    assert read_image(large).size.width == 288


def test_a_damaged_network_is_told(tmp_path, capsys):
    network = tmp_path / "n.onnx"
    network.write_bytes(b"garbage")
    image = ["image", "-i", str(tmp_path), "--model-path", str(network)]
    write_onnx(tmp_path / "other.onnx")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(image) == 1
    assert "n.onnx: is damaged, or no ONNX network" in capsys.readouterr().err
    arguments = [*image[:-1], str(tmp_path / "other.onnx"), "--engine", "torch"]
    assert main(arguments) == 2
    assert "--engine torch does not compute" in capsys.readouterr().err


def test_commands_that_take_models_take_networks(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_onnx(tmp_path / "n.onnx")
    (tmp_path / "set").mkdir()
    Image.effect_noise((48, 48), 50).convert("RGB").save(tmp_path / "set/a.png")
    assert main(["compare", "n.onnx", "-i", "set", "-o", "p.html", "-q", "-s", "2"]) == 0
    assert '"entries": ["n"]' in (tmp_path / "p.html").read_text()
    arguments = ["--sets", "set", "--models", "n.onnx", "--metrics", "psnr", "--scale", "2"]
    assert main(["evaluate", *arguments, "-o", "report", "-q", "--sheet", "0"]) == 0
    capsys.readouterr()


def test_a_network_is_described(tmp_path, capsys):
    path = write_onnx(tmp_path / "n.onnx", fixed=(32, 48), is_half=True)
    assert main(["models", "info", str(path)]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["architecture"] == "an ONNX network, for onnxruntime or openvino"
    assert (lines["scale"], lines["precision"], lines["input"]) == ("x2", "fp16", "48 x 32 px")
    path.write_bytes(b"garbage")
    assert main(["models", "info", str(path)]) == 1
    assert "n.onnx: is damaged, or no ONNX network" in capsys.readouterr().err
    write_onnx(path)
    assert main(["models", "convert", str(path), "-o", str(tmp_path / "o.safetensors")]) == 1
    assert "takes no weights out of it: look for the model as .pth" in capsys.readouterr().err
    for command in (["compare"], ["models", "info"]):
        more = ["-i", str(tmp_path)] if command == ["compare"] else []
        assert main([*command, str(tmp_path / "absent.onnx"), *more]) == 1
        assert "absent.onnx: no such file" in capsys.readouterr().err
