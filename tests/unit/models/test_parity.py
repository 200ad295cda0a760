"""Our generators against basicsr's, with the same parameters."""

import pytest
import torch

from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.loader import load_model
from realesr.models.networks import rrdbnet
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact

from support.networks import randomized
from support.paths import OFFICIAL_RRDB, OFFICIAL_SRVGG, shared
from support.reference import basicsr

TOLERANCE = 2e-6
SIZES = [(17, 23), (1, 9), (32, 5)]


def largest_difference(ours, theirs, size, multiple_of=1) -> float:
    height, width = (side * multiple_of for side in size)
    x = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours_out, theirs_out = ours(x), theirs(x)
    assert ours_out.shape == theirs_out.shape
    assert theirs_out.std() > 0.01
    return (ours_out - theirs_out).abs().max().item()


def rrdb_pair(scale, num_block=3):
    sizes = {"num_feat": 16, "num_block": num_block, "num_grow_ch": 8, "scale": scale}
    ours = randomized(RRDBNet(**sizes))
    theirs = basicsr("archs.rrdbnet_arch").RRDBNet(num_in_ch=3, num_out_ch=3, **sizes).eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours, theirs


def srvgg_pair(num_conv, scale, state=None):
    ours = randomized(SRVGGNetCompact(num_feat=64, num_conv=num_conv, scale=scale))
    arch = basicsr("archs.srvgg_arch").SRVGGNetCompact
    theirs = arch(num_feat=64, num_conv=num_conv, upscale=scale, act_type="prelu").eval()
    theirs.load_state_dict(state or ours.state_dict(), strict=True)
    return ours, theirs


@pytest.mark.parametrize("scale", [4, 2, 1])
@pytest.mark.parametrize("size", SIZES)
def test_rrdbnet_equals_basicsr(scale, size):
    ours, theirs = rrdb_pair(scale)
    assert largest_difference(ours, theirs, size, 4 // scale) <= TOLERANCE


@pytest.mark.parametrize("num_block", [6, 23])
def test_published_depths_equal_basicsr(num_block):
    ours, theirs = rrdb_pair(4, num_block)
    assert largest_difference(ours, theirs, (9, 7)) <= TOLERANCE


@pytest.mark.parametrize("scale", [4, 2])
@pytest.mark.parametrize("num_conv", [16, 32])
@pytest.mark.parametrize("size", SIZES)
def test_srvgg_equals_basicsr(num_conv, scale, size):
    ours, theirs = srvgg_pair(num_conv, scale)
    assert largest_difference(ours, theirs, size) <= TOLERANCE


@pytest.mark.parametrize(
    ("constant", "value"), [("RESIDUAL_SCALE", 0.201), ("NEGATIVE_SLOPE", 0.201)]
)
def test_parity_notices_a_perturbed_constant(monkeypatch, constant, value):
    monkeypatch.setattr(rrdbnet, constant, value)
    assert largest_difference(*rrdb_pair(4), (17, 23)) > 100 * TOLERANCE


@pytest.mark.parametrize("parameter", ["body.1.weight", "body.0.bias", "body.34.weight"])
def test_parity_notices_a_perturbed_parameter(parameter):
    ours, theirs = srvgg_pair(16, 4)
    ours.get_parameter(parameter)[0] += 0.01
    assert largest_difference(ours, theirs, (17, 23)) > 100 * TOLERANCE


@pytest.mark.parametrize(("name", "num_conv"), OFFICIAL_SRVGG.items())
def test_official_networks_equal_basicsr(name, num_conv):
    ours = load_model(shared(f"weights/{name}"))
    assert isinstance(ours, SRVGGNetCompact)
    assert ours.config == SRVGGConfig(num_feat=64, num_conv=num_conv, scale=4)
    _, theirs = srvgg_pair(num_conv, 4, ours.state_dict())
    assert largest_difference(ours, theirs, (33, 41)) <= TOLERANCE


@pytest.mark.parametrize(("name", "num_block"), OFFICIAL_RRDB.items())
def test_official_rrdb_weights_load_and_equal_basicsr(name, num_block):
    ours = load_model(shared(f"weights/{name}"))
    assert ours.config == RRDBNetConfig(num_block=num_block)
    theirs = basicsr("archs.rrdbnet_arch").RRDBNet(3, 3, num_block=num_block).eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    assert largest_difference(ours, theirs, (12, 9)) <= 1e-5
