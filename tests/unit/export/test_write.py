import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from realesr.cli.export import trtexec_command
from realesr.cli.main import main
from realesr.engine.onnx.content import read_onnx
from realesr.errors import (
    InvalidOptionError,
    MissingExtraError,
    UnsupportedCheckpointError,
)
from realesr.export import formats, write
from realesr.export.write import export
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import NetworkFiles
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.registry import ARCHITECTURES, describe
from realesr.options import UpscaleOptions
from realesr.weights.torch_checkpoint import save_weights

from support.networks import random_image, randomized, tiny_weights


def rrdb_weights(folder, scale):
    network = randomized(RRDBNet(num_feat=8, num_block=1, num_grow_ch=4, scale=scale))
    path = folder / f"rrdb-x{scale}.safetensors"
    save_weights(network.state_dict(), path, dtype=torch.float32)
    return path


@pytest.fixture(params=["compact", 1, 2, 4])
def weights(request, tmp_path):
    return tiny_weights(tmp_path) if request.param == "compact" else rrdb_weights(
        tmp_path, request.param
    )  # fmt: skip


def upscale(path, image, **options):
    options = UpscaleOptions(model_path=path, threads=1, color_lock=False, **options)
    upscaler = make_upscaler(options, NetworkFiles(path))
    (result,) = upscaler.upscale_to([image], image.size.scaled(upscaler.scale))
    return result.pixels.astype(int)


SMALL = {"num_feat": 8, "num_mapped": 8, "num_grow_ch": 8, "num_wide": 32}
SHORT = {"num_block": 1, "num_conv": 1, "num_layer": 2, "num_dense": 1}


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda each: each.name)
def test_every_architecture_can_leave_as_onnx(tmp_path, architecture):
    sizes = {name: n for name, n in (SMALL | SHORT).items() if name in asdict(architecture())}
    config = architecture(**sizes)
    weights, output = tmp_path / "n.safetensors", tmp_path / "n.onnx"
    network = randomized(config.build())
    save_weights(network.state_dict(), weights, dtype=torch.float32, **describe(config))
    assert 0 <= export(NetworkFiles(weights), output).difference < 1e-4
    image = random_image(23, 19)
    expected = upscale(weights, image, engine="torch", precision="fp32")
    assert expected.std() > 5
    assert np.abs(upscale(output, image, tile=16) - expected).max() <= 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_an_onnx_file_makes_the_same_pixels(tmp_path, weights, precision):
    output = tmp_path / "out" / "n.onnx"
    written = export(NetworkFiles(weights), output, precision=precision)
    assert [*output.parent.iterdir()] == [output]
    assert 0 <= written.difference < (1e-5 if precision == "fp32" else 2e-2)
    file = read_onnx(output)
    assert file.is_half == (precision == "fp16")
    assert file.fixed == (None, None)
    assert file.metadata["realesr.color_order"] == "RGB"
    assert file.metadata["realesr.scale"] == str(written.scale)
    assert int(file.metadata["realesr.receptive_radius"]) > 1
    assert len(file.metadata["realesr.sha256"]) == 64
    for size in ((41, 35), (2, 3)):
        image = random_image(*size)
        expected = upscale(weights, image, engine="torch", precision="fp32")
        most = 1 if precision == "fp32" else 5
        assert np.abs(upscale(output, image, tile=16) - expected).max() <= most


@pytest.mark.parametrize("name", ["torchscript", "openvino", "ncnn"])
def test_other_formats_are_compared(tmp_path, name):
    format_ = formats.FORMATS[name]
    for package in format_.packages:
        pytest.importorskip(package)
    for weights in (tiny_weights(tmp_path), rrdb_weights(tmp_path, 2)):
        output = tmp_path / "out" / f"{weights.stem}{format_.suffixes[0]}"
        written = export(NetworkFiles(weights), output, format_name=name)
        assert written.difference < 1e-4
        assert {*written.paths} <= {*output.parent.iterdir()}
        assert written.size_bytes > 1000
    left = {path.suffix for path in output.parent.iterdir()}
    assert left == {*format_.suffixes}  # and nothing temporary


def test_a_file_that_differs_is_not_written(tmp_path, monkeypatch):
    output = tmp_path / "n.onnx"
    output.write_bytes(b"before")
    monkeypatch.setattr(write, "largest_difference", lambda *_: 0.5)
    with pytest.raises(UnsupportedCheckpointError, match=r"differ by 0\.5"):
        export(NetworkFiles(tiny_weights(tmp_path)), output)
    assert output.read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} == {"n.onnx", "tiny-x4.safetensors"}


def test_not_a_number_is_a_difference(tmp_path):
    format_ = formats.FORMATS["onnx"]
    network = randomized(RRDBNet(num_feat=8, num_block=1, num_grow_ch=4))

    def run(images):
        n, c, h, w = images.shape
        return np.full((n, c, 4 * h, 4 * w), np.nan, np.float32)

    assert write.largest_difference(format_, run, network) == float("inf")
    with pytest.raises(UnsupportedCheckpointError):
        write.largest_difference(format_, lambda images: images, network)


def test_what_cannot_be_written_is_told_first(tmp_path):
    files = NetworkFiles(tmp_path / "none.pth")
    with pytest.raises(InvalidOptionError, match=r"ends with \.onnx"):
        export(files, tmp_path / "n.pth")
    with pytest.raises(InvalidOptionError, match="fp16"):
        export(files, tmp_path / "n.pt", format_name="torchscript", precision="fp16")


@pytest.mark.parametrize(
    ("name", "output", "present", "owner"),
    [
        ("openvino", "n.xml", ["n.param"], r"belongs to n\.param"),  # ncnn's weights
        ("openvino", "n.xml", ["n.param", "n.xml"], r"belongs to n\.param"),
        ("ncnn", "n.param", ["n.xml"], r"belongs to n\.xml"),
        ("ncnn", "n.param", [], "may belong to another network"),
    ],
)
def test_the_second_file_of_another_network_is_kept(tmp_path, name, output, present, owner):
    for each in [*present, "n.bin"]:
        (tmp_path / each).write_bytes(b"before")
    files = NetworkFiles(tmp_path / "n.param" if name == "openvino" else tmp_path / "other.pth")
    with pytest.raises(InvalidOptionError, match=rf"n\.bin would be replaced, .* {owner}"):
        export(files, tmp_path / output, format_name=name)
    assert (tmp_path / "n.bin").read_bytes() == b"before"


def test_a_second_file_of_the_same_network_is_replaced(tmp_path):
    for package in formats.FORMATS["openvino"].packages:
        pytest.importorskip(package)
    output = tmp_path / "n.xml"
    for weights in (tiny_weights(tmp_path), rrdb_weights(tmp_path, 2)):
        export(NetworkFiles(weights), output, format_name="openvino")
        written = output.with_suffix(".bin").read_bytes()
    export(NetworkFiles(tiny_weights(tmp_path)), output, format_name="openvino")
    assert output.with_suffix(".bin").read_bytes() != written


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install coremltools"):
        formats.FORMATS["coreml"].writer()


def test_the_command(tmp_path, capsys):
    output = tmp_path / "n.onnx"
    weights = tiny_weights(tmp_path)
    assert main(["export", "--model-path", str(weights), "-o", str(output)]) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(output)
    assert "largest difference to PyTorch" in told.err
    assert "trtexec --onnx=" in told.err
    arguments = ["export", "--model-path", str(weights), "-o", str(output), "--json"]
    assert main(arguments) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["scale"] == 4
    assert line["largest_difference"] < 1e-5
    assert main(["export", "-n", "bicubic", "-o", str(output)]) == 2


def test_the_command_for_tensorrt_quotes_names(tmp_path):
    command = trtexec_command(tmp_path / "my net.onnx", multiple_of=4)
    assert "'--onnx=" in command
    assert "--minShapes=input:1x3x8x8 --optShapes=input:1x3x720x1280" in command
