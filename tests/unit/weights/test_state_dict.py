"""Checkpoints as spandrel, BasicSR, Lightning and others write them: the same network comes out."""

import collections

import numpy as np
import pytest
import torch
from torch import nn

from realesr.errors import UnsupportedCheckpointError
from realesr.models.loader import load_model
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.weights.parameters import read_parameters
from realesr.weights.state_dict import WRAPPER_KEYS
from realesr.weights.torch_checkpoint import load_state_dict, save_weights

from support.networks import randomized, tiny_srvgg
from support.paths import shared

STATE = tiny_srvgg().state_dict()
OTHER = {name: -tensor for name, tensor in STATE.items()}
MORE = {
    "epoch": 7,
    "loss": 0.25,
    "name": "mine",
    "lr": np.float64(1e-4),
    "step": np.int64(10),
    "curve": np.arange(12.0).reshape(3, 4),
    "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1e-4}]},
    "milestones": collections.Counter([5, 10]),
    "nothing": None,
}


def prefixed(prefix, state=STATE):
    return {prefix + name: tensor for name, tensor in state.items()}


def assert_is_the_network(path):
    loaded = load_state_dict(path)
    arrays = read_parameters(path).arrays
    assert loaded.keys() == arrays.keys() == STATE.keys()
    for name, tensor in STATE.items():
        assert torch.equal(loaded[name], tensor)
        assert np.array_equal(arrays[name], tensor.numpy())
    assert load_model(path).scale == 4


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("key", WRAPPER_KEYS)
def test_a_state_dict_beside_other_values(tmp_path, key, is_zip):
    path = tmp_path / "net.pth"
    torch.save({**MORE, key: STATE}, path, _use_new_zipfile_serialization=is_zip)
    assert_is_the_network(path)


@pytest.mark.parametrize(
    "content",
    [
        {"model": {"state_dict": STATE, **MORE}},
        {"params": OTHER, "params_ema": STATE, **MORE},
        {"state_dict": OTHER, "params-ema": STATE},
        {"net_d": 3, "whatever": STATE},
        {**STATE, "epoch": 3, "rate": np.float32(1)},
        {"params": {**STATE, "version": 2}},
        collections.OrderedDict(STATE),
        prefixed("module."),
        {"params": prefixed("module.")},
        prefixed("module.module."),
        prefixed("_orig_mod."),
        {"state_dict": prefixed("model.")},
        {"state_dict": prefixed("net_g.module.")},
        {"state_dict": {**prefixed("generator."), **prefixed("discriminator.", OTHER)}},
        {"state_dict": {**prefixed("netG.", OTHER), **prefixed("net_g_ema."), "loss": 3}},
        {name: nn.Parameter(tensor) for name, tensor in STATE.items()},
        {"n_averaged": torch.tensor(9), **prefixed("module.")},
        {"step": torch.tensor(9), **prefixed("online_model.", OTHER), **prefixed("ema_model.")},
        {"state_dict": OTHER, "state_dict_ema": prefixed("module.")},
        {"module": STATE, "optimizer": None, "dp_world_size": 1},
    ],
)
def test_other_nestings(tmp_path, content):
    torch.save(content, tmp_path / "net.ckpt")
    assert_is_the_network(tmp_path / "net.ckpt")


@pytest.mark.parametrize("prefix", ["module.", "params_ema.", "model.", "net_g."])
def test_prefixes_in_safetensors(tmp_path, prefix):
    save_weights(prefixed(prefix), tmp_path / "net.safetensors")
    assert_is_the_network(tmp_path / "net.safetensors")


@pytest.mark.parametrize("content", [{"params": {"a": 1}}, MORE["curve"], 3, {"a": {}}, {}])
def test_what_holds_no_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(UnsupportedCheckpointError, match=r"net\.pth holds no state dict"):
        load_model(tmp_path / "net.pth")


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float8_e4m3fn])
def test_short_number_formats_become_float32(tmp_path, kind):
    network = randomized(SRVGGNetCompact(num_feat=8, num_conv=2, scale=2))
    short = {name: tensor.to(kind) for name, tensor in network.state_dict().items()}
    for path in (tmp_path / "net.pth", tmp_path / "net.safetensors"):
        if path.suffix == ".pth":
            torch.save(short, path)
        else:
            save_weights(network.state_dict(), path, dtype=kind)
        arrays = read_parameters(path).arrays
        for name, tensor in short.items():
            assert np.array_equal(arrays[name], tensor.float().numpy())


def test_number_formats_that_are_no_numbers_are_named(tmp_path):
    torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "net.pth")
    with pytest.raises(UnsupportedCheckpointError, match=r"a as torch\.complex64.*convert it"):
        load_model(tmp_path / "net.pth")


@pytest.mark.parametrize(
    "name",
    [
        "nested-model.pt",
        "nested-net_g.pth",
        "nested-params-ema-with-dash.pth",
        "nested-state_dict.ckpt",
        "params-beside-a-numpy-number.pth",
    ],
)
def test_the_files_that_were_seen(name):
    reference = load_state_dict(shared("cases/models/reference-params.pth"))
    loaded = load_state_dict(shared(f"cases/models/{name}"))
    assert loaded.keys() == reference.keys()
    assert all(torch.equal(loaded[each], reference[each]) for each in reference)
