import pickle
from dataclasses import asdict

import pytest
import torch
from torch import nn

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.models.loader import build_network, load_model
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.weights.torch_checkpoint import load_state_dict, save_weights

from support.networks import tiny_srvgg
from support.pickles import Trap

NETWORKS = [
    (RRDBNet, {"num_feat": 8, "num_block": 2, "num_grow_ch": 4, "scale": 4}),
    (RRDBNet, {"num_feat": 6, "num_block": 11, "num_grow_ch": 2, "scale": 2}),
    (RRDBNet, {"num_feat": 8, "num_block": 1, "num_grow_ch": 4, "scale": 1}),
    (SRVGGNetCompact, {"num_feat": 12, "num_conv": 16, "scale": 4}),
    (SRVGGNetCompact, {"num_feat": 24, "num_conv": 3, "scale": 2}),
    (SRVGGNetCompact, {"num_feat": 24, "num_conv": 1, "scale": 1}),
]


@pytest.mark.parametrize(("network", "arguments"), NETWORKS)
@pytest.mark.parametrize("wrapper", ["params_ema", "params", None, "safetensors"])
def test_detection_round_trips(tmp_path, network, arguments, wrapper):
    original = network(**arguments)
    state = original.state_dict()
    if wrapper == "safetensors":
        path = tmp_path / "net.safetensors"
        save_weights(state, path, dtype=torch.float32)
    else:
        path = tmp_path / "net.pth"
        torch.save({wrapper: state} if wrapper else state, path)
    loaded = load_model(path)
    assert type(loaded) is network
    assert asdict(loaded.config) == {**arguments, "channels": 3}
    assert not loaded.training
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_the_moving_average_is_preferred(tmp_path):
    path = tmp_path / "both.pth"
    better, worse = {"a": torch.ones(1)}, {"a": torch.zeros(1)}
    torch.save({"params": worse, "params_ema": better}, path)
    assert load_state_dict(path)["a"].item() == 1


def test_half_precision_weights_become_single(tmp_path):
    path = tmp_path / "half.safetensors"
    save_weights({"a": torch.full((2,), 0.1)}, path, dtype=torch.float16, recipe="{}")
    loaded = load_state_dict(path)["a"]
    assert loaded.dtype == torch.float32
    assert loaded.tolist() == pytest.approx([0.1, 0.1], rel=1e-3)
    assert [p.name for p in tmp_path.iterdir()] == ["half.safetensors"]


@pytest.mark.parametrize("format_", ["torch", "pickle"])
def test_no_code_runs_on_loading(tmp_path, format_):
    path, trace = tmp_path / "trap.pth", tmp_path / "trace"
    content = {"params": {"a": torch.ones(1)}, "trap": Trap(trace)}
    if format_ == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UnsupportedCheckpointError, match=r"trap\.pth"):
        load_model(path)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors"])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path, name, share):
    path = tmp_path / name
    state = tiny_srvgg().state_dict()
    if path.suffix == ".pth":
        torch.save(state, path)
    else:
        save_weights(state, path, dtype=torch.float32)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnsupportedCheckpointError, match=name):
        load_model(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(MissingWeightsError, match=r"nothing\.pth"):
        load_model(tmp_path / "nothing.pth")


@pytest.mark.parametrize(
    "content",
    [
        {},
        [1, 2],
        {"params": {"a": 1}},
        {"layer.weight": torch.ones(2)},
        {"params": nn.Linear(2, 2).state_dict()},
    ],
)
def test_other_content_is_refused(tmp_path, content):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"other\.pth"):
        load_model(path)


def test_missing_and_extra_parameters_are_refused(tmp_path):
    path = tmp_path / "net.pth"
    state = tiny_srvgg().state_dict()
    torch.save({**state, "extra": torch.ones(1)}, path)
    with pytest.raises(UnsupportedCheckpointError, match="extra"):
        load_model(path)
    del state["body.4.bias"]
    torch.save(state, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"body\.4\.bias"):
        load_model(path)


def test_unknown_names_are_no_network():
    assert build_network({"a": torch.ones(1)}) is None
