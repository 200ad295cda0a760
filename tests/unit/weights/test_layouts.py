"""Networks of other versions of the code: the same networks come out, under our names."""

import numpy as np
import pytest
import torch

from realesr.models.architectures.edsr import EDSRConfig
from realesr.models.loader import load_model
from realesr.models.networks.edsr import EDSR
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.weights.layouts import renamed
from realesr.weights.parameters import read_parameters
from realesr.weights.torch_checkpoint import save_weights

from support.networks import randomized, tiny_srvgg
from support.reference import basicsr

X = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))


def first_name(name, blocks, ups):
    """The first ESRGAN release's name of a parameter (xinntao/ESRGAN, RRDBNet_arch.py of 2018)."""
    head, _, rest = name.partition(".")
    after = 3 * ups + 2
    simple = {"conv_first": 0, "conv_hr": after, "conv_last": after + 2}
    simple |= {f"conv_up{step}": 3 * step for step in range(1, ups + 1)}
    if head in simple:
        return f"model.{simple[head]}.{rest}"
    if head == "conv_body":
        return f"model.1.sub.{blocks}.{rest}"
    block, rdb, conv, kind = rest.split(".")
    return f"model.1.sub.{block}.{rdb.upper()}.{conv}.0.{kind}"


def second_name(name):
    """The second release's (xinntao/ESRGAN, RRDBNet_arch.py of 2019)."""
    head, _, rest = name.partition(".")
    if head == "body":
        block, rdb, conv, kind = rest.split(".")
        return f"RRDB_trunk.{block}.{rdb.upper()}.{conv}.{kind}"
    simple = {"conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2"}
    simple |= {"conv_hr": "HRconv"}
    return f"{simple.get(head, head)}.{rest}"


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("scale", "name"),
    [
        (4, lambda name: first_name(name, 2, 2)),
        (2, lambda name: first_name(name, 2, 2)),
        (8, lambda name: first_name(name, 2, 3)),
        (4, second_name),
        (4, lambda name: f"module.{second_name(name)}"),
    ],
)
def test_both_releases_of_esrgan_are_our_network(tmp_path, scale, name, suffix):
    ours = randomized(RRDBNet(num_feat=8, num_block=2, num_grow_ch=4, scale=scale))
    path = tmp_path / f"net{suffix}"
    state = {name(each): value for each, value in ours.state_dict().items()}
    assert (
        not state.keys() & ours.state_dict().keys() - {"conv_first.weight"} or name is second_name
    )
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_weights(state, path)
    loaded = load_model(path)
    assert type(loaded) is RRDBNet
    assert torch.equal(loaded(X), ours(X))
    arrays = read_parameters(path).arrays  # of the native engine
    assert arrays.keys() == ours.state_dict().keys()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_edsr_of_basicsr_is_ours(tmp_path, scale):
    theirs = randomized(
        basicsr("archs.edsr_arch").EDSR(3, 3, num_feat=8, num_block=3, upscale=scale)
    )
    torch.save({"params": theirs.state_dict()}, tmp_path / "net.pth")
    loaded = load_model(tmp_path / "net.pth")
    assert type(loaded) is EDSR
    assert loaded.config == EDSRConfig(num_feat=8, num_block=3, scale=scale)
    torch.testing.assert_close(loaded(X), theirs(X), rtol=1e-4, atol=1e-4)
    arrays = read_parameters(tmp_path / "net.pth").arrays
    assert arrays.keys() == loaded.state_dict().keys()


def test_arrays_stay_arrays():
    state = {"conv_after_body.weight": 0, "body.0.conv1.weight": 1, "upsample.0.weight": 2}
    arrays = {name: np.full(3, value, np.float32) for name, value in state.items()}
    found = renamed(arrays)
    assert found.keys() >= {"body.1.weight", "body.0.body.0.weight", "tail.0.0.weight"}
    assert all(isinstance(each, np.ndarray) for each in found.values())


def test_what_is_unknown_keeps_its_names():
    state = tiny_srvgg().state_dict()
    assert renamed(state).keys() == state.keys()
    odd = {"model.0.weight": X, "model.1.sub.0.RDB1.conv1x1.weight": X}
    assert renamed(odd) == odd
