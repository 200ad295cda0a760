"""``realesr models convert``, and the same files given directly."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from spandrel.architectures.SPAN import SPAN

from realesr.cli.main import main
from realesr.media.images.decode import read_image
from realesr.models.loader import load_model
from realesr.weights.fetch import sha256_of

from support import keras
from support.images import write_image
from support.ncnn import SINGLE, srvgg
from support.networks import random_image, tiny_srvgg, tiny_weights


def metadata_of(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata()


def h5(folder):
    pytest.importorskip("h5py", reason="needs h5py (extra `keras`)")
    net = keras.KerasNet()
    keras.srgan(net, np.zeros((9, 9, 3)), feat=4, blocks=1)
    return net.write(folder / "gan.h5")


def pth(folder):
    torch.save({"net_g": tiny_srvgg().half().state_dict()}, folder / "half.pth")
    return folder / "half.pth"


def other(folder):
    network = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=2)
    torch.save({"params": network.state_dict()}, folder / "span.pth")
    return folder / "span.pth"


FILES = {
    "srvgg": lambda folder: srvgg(tiny_srvgg(), tag=SINGLE).write(folder),
    "srresnet": h5,
    "half": pth,
    "SPAN": other,
}


@pytest.mark.parametrize("kind", FILES)
def test_a_converted_file_is_the_same_network_and_says_what_it_is(tmp_path, capsys, kind):
    source, made = FILES[kind](tmp_path), tmp_path / "made.safetensors"
    command = ["models", "convert", str(source), "-o", str(made), "--license", "CC0-1.0"]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(made)
    assert "license: CC0-1.0" in captured.err
    x = torch.rand(1, 3, 8, 8)
    ours, theirs = load_model(made), load_model(source)
    assert torch.equal(ours(x), theirs(x))
    told = metadata_of(made)
    assert told["scale"] == str(theirs.scale)
    assert told["license"] == "CC0-1.0"
    assert f"{sha256_of(source)}  {source.name}" in told["origin"].splitlines()
    if kind in ("srvgg", "srresnet"):
        assert json.loads(told["architecture"])["name"] == kind


def test_both_files_of_ncnn_are_its_origin(tmp_path, capsys):
    source, made = srvgg(tiny_srvgg()).write(tmp_path, "up"), tmp_path / "a.safetensors"
    assert main(["models", "convert", str(source.with_suffix(".bin")), "-o", str(made)]) == 0
    assert "license: unknown" in capsys.readouterr().err
    files = [line.split("  ")[1] for line in metadata_of(made)["origin"].splitlines()]
    assert files == ["up.param", "up.bin"]
    again = tmp_path / "b.safetensors"
    assert main(["models", "convert", str(made), "-o", str(again), "--license", "MIT"]) == 0
    assert main(["models", "info", str(again)]) == 0
    assert "MIT" in capsys.readouterr().out
    assert main(["models", "convert", str(again), "-o", str(made)]) == 0  # keeps what it says
    assert metadata_of(made)["license"] == "MIT"


def test_metadata_of_strangers_are_no_arguments(tmp_path):
    from realesr.weights.torch_checkpoint import save_weights

    odd = tmp_path / "odd.safetensors"
    save_weights(tiny_srvgg().state_dict(), odd)
    from safetensors.torch import load_file, save_file

    save_file(load_file(odd), odd, metadata={"dtype": "x", "path": "y", "title": "mine"})
    assert main(["models", "convert", str(odd), "-o", str(tmp_path / "made.safetensors")]) == 0
    assert metadata_of(tmp_path / "made.safetensors")["title"] == "mine"


@pytest.mark.parametrize("output", ["made.pth", "tiny-x4.safetensors"])
def test_an_output_that_cannot_be_is_a_mistake(tmp_path, capsys, output):
    source = tiny_weights(tmp_path)
    before = source.read_bytes()
    assert main(["models", "convert", str(source), "-o", str(tmp_path / output)]) == 2
    assert "--output" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_an_output_that_cannot_be_written_is_one_line(tmp_path, capsys):
    source = tiny_weights(tmp_path)
    assert main(["models", "convert", str(source), "-o", str(source / "a.safetensors")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "a.safetensors" in line


@pytest.mark.parametrize("suffix", [".param", ".bin", ".h5"])
def test_a_file_is_taken_directly(tmp_path, capsys, suffix):
    source = h5(tmp_path) if suffix == ".h5" else srvgg(tiny_srvgg(), resized=0.5).write(tmp_path)
    path = source.with_suffix(suffix)
    image, made = random_image(8, 6), tmp_path / "made.safetensors"
    write_image(tmp_path / "in.png", image)
    common = ["image", "-i", str(tmp_path / "in.png"), "--no-color-lock", "--model-path"]
    assert main([*common, str(path), "-o", str(tmp_path / "a.png")]) == 0
    is_told = "is left out: --outscale gives any size" in capsys.readouterr().err
    assert is_told == (suffix != ".h5")
    assert main(["models", "convert", str(path), "-o", str(made)]) == 0
    assert main([*common, str(made), "-o", str(tmp_path / "b.png")]) == 0
    first, second = (read_image(tmp_path / f"{name}.png") for name in "ab")
    assert first.size == image.size.scaled(4)
    assert np.array_equal(first.pixels, second.pixels)


def test_either_file_of_ncnn_changes_the_identity(tmp_path):
    from realesr.loading.identity import identity_of
    from realesr.loading.resolve import NetworkFiles
    from realesr.options import UpscaleOptions

    path = srvgg(tiny_srvgg()).write(tmp_path)

    def identity():
        return identity_of(UpscaleOptions(model_path=path), NetworkFiles(path), None, version="1")

    seen = [identity()]
    for each in (path, path.with_suffix(".bin")):
        each.write_bytes(each.read_bytes() + b"\n")
        seen.append(identity())
    assert seen[0] != seen[1] != seen[2]
