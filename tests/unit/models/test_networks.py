import pytest
import torch

from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact

PUBLISHED_PARAMETERS = [
    (RRDBNet, {"num_block": 23, "scale": 4}, 16_697_987),  # RealESRGAN_x4plus
    (RRDBNet, {"num_block": 23, "scale": 2}, 16_703_171),  # RealESRGAN_x2plus
    (RRDBNet, {"num_block": 6, "scale": 4}, 4_467_779),  # RealESRGAN_x4plus_anime_6B
    (SRVGGNetCompact, {"num_conv": 16}, 621_424),  # realesr-animevideov3
    (SRVGGNetCompact, {"num_conv": 32}, 1_213_296),  # realesr-general-x4v3
]


@pytest.mark.parametrize(("network", "arguments", "expected"), PUBLISHED_PARAMETERS)
def test_parameter_counts_are_the_published_ones(network, arguments, expected):
    with torch.device("meta"):
        built = network(**arguments)
    assert sum(p.numel() for p in built.parameters()) == expected


def test_rrdbnet_has_three_scales():
    with pytest.raises(ValueError, match="not 3"):
        RRDBNet(scale=3)
