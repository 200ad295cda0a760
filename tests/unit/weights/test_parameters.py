import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.weights import parameters as module
from realesr.weights.parameters import MAX_CONVERTED, read_parameters
from realesr.weights.torch_checkpoint import load_state_dict, save_weights

from support.networks import tiny_srvgg
from support.paths import ROOT, shared
from support.pickles import Trap


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setattr(module, "cache_folder", lambda: folder)
    return folder / "converted"


def assert_same(path):
    parameters = read_parameters(path)
    assert parameters is not None
    state = load_state_dict(path)
    assert parameters.arrays.keys() == state.keys()
    for name, tensor in state.items():
        assert parameters.arrays[name].dtype == np.float32
        assert np.array_equal(parameters.arrays[name], tensor.numpy())


@pytest.mark.parametrize("wrapper", ["params_ema", "params", None])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_pytorch_file_is_read_as_pytorch_reads_it(tmp_path, wrapper, dtype):
    state = RRDBNet(num_feat=8, num_block=1, num_grow_ch=4).to(dtype).state_dict()
    torch.save({wrapper: state} if wrapper else state, tmp_path / "net.pth")
    assert_same(tmp_path / "net.pth")
    assert_same(tmp_path / "net.pth")  # the converted one


def test_parameters_are_read_like_tensors(tmp_path):
    """A file may hold modules' parameters, several views of one storage, and an iteration."""
    storage = torch.arange(12.0)
    state = {"a": torch.nn.Parameter(storage[:6].view(2, 3)), "b": storage[6:], "c": storage}
    torch.save({"params": state, "iteration": 3}, tmp_path / "net.pth")
    assert_same(tmp_path / "net.pth")
    assert_same(tmp_path / "net.pth")


@pytest.mark.parametrize("name", ["realesr-photo-x4", "realesr-anime-x4"])
def test_the_shipped_weights_are_read(name):
    assert_same(ROOT / f"weights/{name}.safetensors")


@pytest.mark.parametrize("name", ["general-x4v3.pth", "animevideov3.safetensors"])
def test_published_weights_are_read(name):
    assert_same(shared(f"weights/realesr-{name}"))


def test_safetensors_in_bf16_are_left_to_pytorch(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(tiny_srvgg().state_dict(), path, dtype=torch.bfloat16, told="yes")
    assert_same(path)
    assert read_parameters(path).metadata == {"told": "yes"}


def test_a_file_is_converted_once(tmp_path, cache):
    torch.save(tiny_srvgg().state_dict(), tmp_path / "net.pth")
    read_parameters(tmp_path / "net.pth")
    (converted,) = cache.iterdir()
    code = (
        "import sys, pathlib; from realesr.weights import parameters as p; "
        "p.cache_folder = lambda: pathlib.Path(sys.argv[2]).parent; "
        "assert p.read_parameters(pathlib.Path(sys.argv[1])); assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", code, tmp_path / "net.pth", cache]
    subprocess.run(command, check=True)
    assert list(cache.iterdir()) == [converted]


def test_another_content_is_another_file(tmp_path, cache):
    for seed in range(2):
        torch.save({"a": torch.full((2,), float(seed))}, tmp_path / "net.pth")
        assert read_parameters(tmp_path / "net.pth").arrays["a"].tolist() == [seed] * 2
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"cut"])
def test_a_damaged_conversion_is_made_again(tmp_path, cache, content):
    torch.save(tiny_srvgg().state_dict(), tmp_path / "net.pth")
    read_parameters(tmp_path / "net.pth")
    (converted,) = cache.iterdir()
    whole = converted.read_bytes()
    converted.write_bytes(content)
    assert_same(tmp_path / "net.pth")
    assert converted.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path, cache):
    cache.parent.write_text("a file where the folder should be")
    torch.save(tiny_srvgg().state_dict(), tmp_path / "net.pth")
    assert_same(tmp_path / "net.pth")


def test_only_the_last_used_conversions_are_kept(tmp_path, cache):
    path = tmp_path / "net.pth"
    for number in range(MAX_CONVERTED + 2):
        torch.save({"a": torch.tensor([float(number)])}, path)
        read_parameters(path)
        for old, each in enumerate(sorted(cache.iterdir(), key=lambda f: f.stat().st_mtime)):
            os.utime(each, (old, old))
    values = {read_parameters(each).arrays["a"].item() for each in cache.iterdir()}
    assert values == set(range(2, MAX_CONVERTED + 2))


@pytest.mark.parametrize("kind", ["trap", "nothing", "text", "list"])
def test_what_is_no_network_is_refused_and_not_kept(tmp_path, cache, kind):
    path, trace = tmp_path / "net.pth", tmp_path / "trace"
    if kind == "trap":
        torch.save({"params": {"a": torch.ones(1)}, "trap": Trap(trace)}, path)
    elif kind == "text":
        path.write_text("no network")
    elif kind == "list":
        torch.save([1, 2], path)
    with pytest.raises((UnsupportedCheckpointError, MissingWeightsError), match=r"net\.pth"):
        read_parameters(path)
    assert not trace.exists()
    assert not cache.exists()


@pytest.mark.filterwarnings("ignore")  # PyTorch's own
def test_a_sparse_tensor_is_no_plain_array(tmp_path):
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "net.pth")
    with pytest.raises(UnsupportedCheckpointError, match=r"net\.pth.*sparse"):
        read_parameters(tmp_path / "net.pth")


def test_a_safetensors_file_needs_a_header(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(UnsupportedCheckpointError, match=r"a\.safetensors"):
        read_parameters(tmp_path / "a.safetensors")


def test_metadata_is_read(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(tiny_srvgg().state_dict(), path, dtype=torch.float16, stated="yes")
    assert read_parameters(path).metadata == {"stated": "yes"}
