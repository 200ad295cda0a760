import pytest
import torch

from realesr.models.base import SRModel
from realesr.models.rrdbnet import RRDBNet
from realesr.models.srvgg import SRVGGNetCompact

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


NETWORKS = [
    RRDBNet(num_feat=2, num_block=1, num_grow_ch=2, scale=4),
    RRDBNet(num_feat=2, num_block=2, num_grow_ch=2, scale=4),
    RRDBNet(num_feat=2, num_block=1, num_grow_ch=2, scale=2),
    RRDBNet(num_feat=2, num_block=1, num_grow_ch=2, scale=1),
    SRVGGNetCompact(num_feat=2, num_conv=16, scale=4),
    SRVGGNetCompact(num_feat=2, num_conv=5, scale=2),
]


def reached(network: torch.nn.Module, side: int, at: int) -> list[int]:
    """Distances, in input px, of all output rows that notice a change of input row ``at``."""
    x = torch.zeros(1, 3, side, network.multiple_of, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, at] = 1
    with torch.inference_mode():
        difference = (network(changed) - network(x)).abs().amax(dim=(0, 1, 3))
    return [row // network.scale - at for row in torch.nonzero(difference).flatten().tolist()]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{type(n).__name__}-x{n.scale}")
def test_receptive_radius_is_exact(network):
    """A changed pixel is noticed exactly as far as declared, in one direction at least.

    No weight is negative and no bias is there, so that nothing cancels out or drowns.
    """
    assert isinstance(network, SRModel)
    network = network.double().requires_grad_(False)
    for name, parameter in network.named_parameters():
        parameter.fill_(0 if name.endswith("bias") else 1 / parameter[0].numel())
    radius, step = network.receptive_radius, network.multiple_of
    side = (2 * radius // step + 3) * step
    middle = side // 2 // step * step
    distances = [d for phase in range(step) for d in reached(network, side, middle + phase)]
    assert max(abs(d) for d in distances) == radius
