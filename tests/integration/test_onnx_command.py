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
