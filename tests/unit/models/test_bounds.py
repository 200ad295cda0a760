"""Parameters of a plausible size that lead to networks of an implausible one."""

import numpy as np
import pytest
import torch
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.SwinIR import SwinIR

from realesr.engine.native.backend import NativeBackend
from realesr.engine.native.bindings import lanes
from realesr.engine.native.networks import build_native
from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.tiled import TiledUpscaler
from realesr.errors import UnsupportedCheckpointError
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.loader import load_model
from realesr.models.networks.bounded import BoundedConstruction, TooLargeError
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.weights.parameters import read_parameters

from support.bounded import measured
from support.networks import random_image, randomized
from support.paths import shared

LOAD = "from realesr.models.loader import load_model as r; r(pathlib.Path(sys.argv[1]))"


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_feat": 0},
        {"scale": 0},
        {"scale": 17},
        {"channels": 0},
        {"channels": 4},
    ],
)
@pytest.mark.parametrize("config", [SRVGGConfig, RRDBNetConfig])
def test_hyperparameters_are_plausible(config, wrong):
    with pytest.raises(ValueError, match=r"it has|its "):
        config(**wrong)


@pytest.mark.parametrize("last", [1, 2, 3 * 40**2])
def test_a_scale_that_no_network_has_is_refused(tmp_path, last):
    shapes = SRVGGConfig(num_feat=8, num_conv=1).parameter_shapes()
    shapes |= {"body.4.weight": (last, 8, 3, 3), "body.4.bias": (last,)}
    torch.save({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "net.pth")
    with pytest.raises(UnsupportedCheckpointError, match=r"net\.pth.*its scale is"):
        load_model(tmp_path / "net.pth")


@pytest.mark.parametrize("channels", [0, 1, 2, 5])
def test_a_first_convolution_that_no_network_has_is_refused(tmp_path, channels):
    shapes = RRDBNetConfig(num_feat=8, num_block=1, num_grow_ch=4).parameter_shapes()
    shapes["conv_first.weight"] = (8, channels, 3, 3)
    torch.save({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "net.pth")
    with pytest.raises(UnsupportedCheckpointError, match=r"net\.pth"):
        load_model(tmp_path / "net.pth")


def wide_span(path):
    """A SPAN of 30,000 features, of which only one tensor tells: 36 GB for each convolution."""
    state = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=2).state_dict()
    state["conv_1.sk.weight"] = torch.zeros(30_000, 3, 1, 1)
    torch.save(state, path)


def wide_window(path):
    """A SwinIR whose attention windows are 200 px: indices of 25 GB."""
    network = SwinIR(upscale=2, img_size=16, window_size=8, depths=[1], embed_dim=12, num_heads=[2])
    state = network.state_dict()
    block = "layers.0.residual_group.blocks.0.attn"
    state[f"{block}.relative_position_bias_table"] = torch.zeros(399**2, 2)
    state[f"{block}.relative_position_index"] = torch.zeros(200**2, 200, dtype=torch.int64)
    torch.save(state, path)


@pytest.mark.filterwarnings("ignore")  # spandrel's own
@pytest.mark.parametrize("make", [wide_span, wide_window])
def test_foreign_networks_are_not_larger_than_their_files(tmp_path, make):
    make(tmp_path / "net.pth")
    idle = measured("import realesr.models.networks.spandrel_adapter")
    done = measured(LOAD, tmp_path / "net.pth")
    assert done.output.startswith("UnsupportedCheckpointError")
    assert done.seconds - idle.seconds < 2
    assert done.mebibytes < 1024


def test_the_bound_counts_what_is_made():
    with BoundedConstruction({"a": torch.zeros(10)}):
        torch.nn.Conv2d(64, 64, 3)
        torch.zeros(1000).view(10, 100).add_(1)
        with pytest.raises(TooLargeError):
            torch.zeros(10**9)
    with BoundedConstruction({}), pytest.raises(TooLargeError):
        for _ in range(100):
            torch.empty(2**20)
    with BoundedConstruction({}), pytest.raises(TooLargeError):
        rows = torch.arange(40_000)
        rows[:, None] - rows[None]


def test_a_network_of_scale_8(tmp_path):
    """As training frameworks write it: a third convolution of the upsampling."""
    network = randomized(RRDBNet(num_feat=16, num_block=1, num_grow_ch=16, scale=8))
    torch.save({"params": network.state_dict()}, tmp_path / "net.pth")
    loaded = load_model(tmp_path / "net.pth")
    assert loaded.config == network.config
    assert "conv_up3.weight" in network.state_dict()
    image = random_image(20, 16)
    upscaled = TiledUpscaler(TorchBackend(loaded), tile=16)(image)
    assert upscaled.size == image.size.scaled(8)
    if lanes():
        native = build_native(read_parameters(tmp_path / "net.pth").arrays)
        assert native is not None
        by_native = TiledUpscaler(NativeBackend(native, pytest.fail), tile=16)(image)
        assert np.abs(by_native.pixels.astype(int) - upscaled.pixels).max() <= 1


def test_the_file_of_scale_8_that_was_seen():
    assert load_model(shared("cases/models/rrdb-x8-new-names.pth")).scale == 8
