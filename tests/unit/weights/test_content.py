import io
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from realesr.errors import UnsupportedCheckpointError, WeightsError
from realesr.models.loader import load_model
from realesr.weights.archive import examine
from realesr.weights.content import Container
from realesr.weights.foreign import FOREIGN

from support.archives import make_tar
from support.networks import tiny_srvgg, tiny_weights
from support.paths import shared

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def picture(format_):
    out = io.BytesIO()
    Image.new("RGB", (3, 3)).save(out, format_)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty: download it again"),
        (bytes(5000), "zeros only.*download"),
        (b"\n<!DOCTYPE html><html><title>Sign in</title></html>", "a web page.*browser"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (LFS, r"git-lfs pointer.*`git lfs pull`"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.0.0:\x10\n\x05input", r"an ONNX network.*\.pth"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5 file that realesr cannot read"),
        (b"GGUF\x03\x00\x00\x00" + bytes(50), "a GGUF file"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(50), "TensorFlow Lite"),
        (b"7767517\n75 83\nInput input 0 1 data\n", r"half of an ncnn network.*net\.bin"),
        (b"\x1f\x8b\x08\x00" + bytes(50), "gzip archive: unpack it"),
        (picture("PNG"), r"a picture \(PNG\)"),
        (picture("JPEG"), r"a picture \(JPEG\)"),
        (b'{"epoch": 3}', "a JSON text"),
        ("a note, höher".encode(), "a text"),
        (np.random.default_rng(0).bytes(3000), "no file of weights, or is damaged"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_is_no_weights_is_named_with_a_remedy(tmp_path, content, words, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"net{suffix} is .*{words}"):
        load_model(path)


def zip_of(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"config.json": b"{}", "model.weights.h5": b"x"}, "a Keras model"),
        ({"a.npy": b"x"}, "NumPy arrays"),
        ({"some__net.pth": b"x", "readme.txt": b"x"}, r"holds some/net\.pth: unpack it"),
        ({"readme.txt": b"x"}, "without a checkpoint"),
        ({"net__data.pkl": b"x", "net__constants.pkl": b"x"}, "TorchScript.*state_dict"),
        ({"net__data.pkl": b"x", "net__DATA.pkl": b"x"}, "equal names"),
    ],
)
def test_other_archives_are_named(tmp_path, members, words):
    zip_of(tmp_path / "net.pth", **members)
    with pytest.raises(UnsupportedCheckpointError, match=rf"net\.pth is .*{words}"):
        load_model(tmp_path / "net.pth")


def test_a_tar_is_named(tmp_path):
    make_tar(tmp_path / "net.pth", {"net.pth": b"x"})
    with pytest.raises(UnsupportedCheckpointError, match="a tar archive: unpack"):
        load_model(tmp_path / "net.pth")


@pytest.mark.parametrize("name", ["A.SAFETENSORS", "a.pth", "a", "a.safetensors", "ä.ckpt"])
@pytest.mark.parametrize("container", [each for each in Container if each not in FOREIGN])
def test_content_decides_not_the_name(tmp_path, name, container):
    path = tmp_path / name
    if container is Container.SAFETENSORS:
        shutil.move(tiny_weights(tmp_path), path)
    else:
        is_zip = container is Container.TORCH_ZIP
        torch.save(tiny_srvgg().state_dict(), path, _use_new_zipfile_serialization=is_zip)
    assert examine(path) is container
    assert load_model(path).scale == 4


@pytest.mark.parametrize("name", ["html-page.pth", "git-lfs-pointer.pth", "network.onnx"])
def test_the_files_that_were_seen(name):
    with pytest.raises(UnsupportedCheckpointError, match=r"web page|git-lfs|ONNX"):
        examine(shared(f"cases/models/{name}"))


@pytest.mark.parametrize("name", ["UPPER-CASE.SAFETENSORS", "safetensors-named.pth"])
def test_the_names_that_were_seen(name):
    assert load_model(shared(f"cases/models/{name}")).scale == 4
