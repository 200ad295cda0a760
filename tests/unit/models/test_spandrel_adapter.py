import subprocess
import sys

import pytest
import torch
from spandrel.architectures.SPAN import SPAN

from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.tiled import TiledUpscaler
from realesr.errors import UnsupportedCheckpointError
from realesr.models.loader import load_model
from realesr.models.networks.rrdbnet import RRDBNet

from support.networks import random_image, randomized, tiny_weights

INPUT = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(0))


def old_name(name, blocks):
    """The first ESRGAN release's name of a parameter (xinntao/ESRGAN, RRDBNet_arch.py of 2018)."""
    head, _, rest = name.partition(".")
    simple = {
        "conv_first": "model.0",
        "conv_body": f"model.1.sub.{blocks}",
        "conv_up1": "model.3",
        "conv_up2": "model.6",
        "conv_hr": "model.8",
        "conv_last": "model.10",
    }
    if head in simple:
        return f"{simple[head]}.{rest}"
    block, rdb, conv, kind = rest.split(".")
    return f"model.1.sub.{block}.{rdb.upper()}.{conv}.0.{kind}"


def test_the_names_of_the_first_esrgan_are_understood(tmp_path):
    ours = randomized(RRDBNet(num_feat=8, num_block=2, num_grow_ch=32))
    state = {old_name(name, 2): value for name, value in ours.state_dict().items()}
    torch.save(state, tmp_path / "old.pth")
    loaded = load_model(tmp_path / "old.pth")
    torch.testing.assert_close(loaded(INPUT), ours(INPUT))


def test_another_architecture_upscales_images(tmp_path):
    network = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=2)
    torch.save({"params": network.state_dict()}, tmp_path / "span.pth")
    loaded = load_model(tmp_path / "span.pth")
    image = random_image(40, 30)
    upscaled = TiledUpscaler(TorchBackend(loaded), tile=16)(image)
    assert loaded.scale == 2
    assert upscaled.size == image.size.scaled(2)


def test_our_own_networks_do_not_wait_for_spandrel(tmp_path):
    weights = tiny_weights(tmp_path)
    code = (
        "import sys, pathlib; from realesr.models.loader import load_model; "
        "load_model(pathlib.Path(sys.argv[1])); assert 'spandrel' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(weights)], check=True)


def test_what_nobody_knows_is_refused(tmp_path):
    torch.save({"strange": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(UnsupportedCheckpointError, match=r"unknown architecture.*strange"):
        load_model(tmp_path / "a.pth")
