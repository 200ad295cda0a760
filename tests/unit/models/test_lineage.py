"""The networks of the literature against other implementations, with the same parameters."""

import math

import pytest
import torch
from torch.nn import functional as F

from realesr.imaging.matlab import imresize
from realesr.models.architectures.edsr import EDSRConfig
from realesr.models.architectures.enhancer import EnhancerConfig
from realesr.models.architectures.espcn import ESPCNConfig
from realesr.models.architectures.msrresnet import MSRResNetConfig
from realesr.models.architectures.rdn import RDNConfig
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.rrdn import RRDNConfig
from realesr.models.architectures.srcnn import SRCNNConfig
from realesr.models.architectures.srresnet import SRResNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.architectures.wdsr import WDSRConfig
from realesr.models.networks.bicubic import upscale
from realesr.training.initialization import initialize_

from support.networks import randomized
from support.reference import basicsr

PUBLISHED_PARAMETERS = [
    (SRCNNConfig(middle=1), 8_032 + 64 + 32 + 1),  # the paper counts weights without biases
    (SRCNNConfig(middle=5), 57_184 + 64 + 32 + 1),
    (EDSRConfig(scale=2), 1.37e6),
    (EDSRConfig(scale=3), 1.55e6),
    (EDSRConfig(scale=4), 1.52e6),
    (EDSRConfig(num_feat=256, num_block=32, scale=2), 40.7e6),
    (EDSRConfig(num_feat=256, num_block=32, scale=4), 43.1e6),
    (MSRResNetConfig(), 1_517_571),
    (WDSRConfig(scale=2), 1.19e6),
    (WDSRConfig(num_block=32, num_wide=192, num_linear=25), 0.62e6),
    (RDNConfig(scale=2), 22.1e6),
]


def count(config) -> int:
    learned = (s for n, s in config.parameter_shapes().items() if "mean" not in n)
    return sum(math.prod(shape) for shape in learned)


@pytest.mark.parametrize(("config", "expected"), PUBLISHED_PARAMETERS, ids=repr)
def test_parameter_counts_are_the_published_ones(config, expected):
    assert count(config) == (
        expected if isinstance(expected, int) else pytest.approx(expected, rel=0.01)
    )


def random_input(channels=3, height=9, width=7):
    return torch.rand(2, channels, height, width, generator=torch.Generator().manual_seed(1))


def assert_same(network, expected, x):
    found = network(x)
    assert expected.std() > 0.01
    assert (found - expected).abs().max() <= 1e-5 * max(1, expected.abs().max())


def without_growth(network):
    """Random parameters that keep values small, also where 255 levels pass."""
    network = randomized(network)
    for parameter in network.parameters():
        parameter.mul_(0.5)
    return network


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("res_scale", [1.0, 0.1])
def test_edsr_equals_basicsr(scale, res_scale):
    ours = without_growth(
        EDSRConfig(num_feat=16, num_block=3, scale=scale, res_scale=res_scale).build()
    )
    sizes = {"num_feat": 16, "num_block": 3, "upscale": scale, "res_scale": res_scale}
    theirs = basicsr("archs.edsr_arch").EDSR(3, 3, **sizes).eval()
    names = {"head.0": "conv_first", "body.3": "conv_after_body", "tail.1": "conv_last"}
    names |= {f"tail.0.{step}": f"upsample.{step}" for step in (0, 2)}
    names |= {f"body.{b}.body.{2 * n}": f"body.{b}.conv{n + 1}" for b in range(3) for n in (0, 1)}
    state = {
        f"{names[key]}.{kind}": tensor
        for key, kind, tensor in ((*n.rsplit(".", 1), t) for n, t in ours.state_dict().items())
        if key in names
    }
    theirs.load_state_dict(state, strict=True)
    x = random_input()
    with torch.no_grad():
        assert_same(ours, theirs(x), x)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_msrresnet_equals_basicsr(scale):
    ours = randomized(MSRResNetConfig(num_feat=16, num_block=3, scale=scale).build())
    theirs = (
        basicsr("archs.srresnet_arch").MSRResNet(num_feat=16, num_block=3, upscale=scale).eval()
    )
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = random_input()
    with torch.no_grad():
        assert_same(ours, theirs(x), x)


class Functional:
    """Convolutions by the names of parameters; the rest of a network is written out in a test."""

    def __init__(self, network):
        self.state = network.state_dict()

    def conv(self, x, name):
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)

    def normalized(self, x, name):
        v, g = self.state[f"{name}.weight_v"], self.state[f"{name}.weight_g"]
        weight = torch._weight_norm(v, g, 0)
        return F.conv2d(x, weight, self.state[f"{name}.bias"], padding=v.shape[-1] // 2)

    def prelu(self, x, name):
        slope = self.state[f"{name}.weight"].reshape(-1, 1, 1)
        return torch.where(x < 0, x * slope, x)

    def norm(self, x, name):
        mean, var, weight, bias = (
            self.state[f"{name}.{each}"][:, None, None]
            for each in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def shuffled(x, factor):
    n, c, h, w = x.shape
    x = x.reshape(n, c // factor**2, factor, factor, h, w)
    return x.permute(0, 1, 4, 2, 5, 3).reshape(n, -1, h * factor, w * factor)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_srcnn_is_three_convolutions_on_a_bicubic_enlargement(scale):
    network = randomized(SRCNNConfig(num_feat=8, num_mapped=6, scale=scale).build())
    f, x = Functional(network), random_input(1)
    y = F.relu(f.conv(upscale(x, scale), "conv1"))
    assert_same(network, f.conv(F.relu(f.conv(y, "conv2")), "conv3"), x)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_bicubic_enlargement_is_that_of_matlab(scale):
    """Away from the border, which MATLAB mirrors."""
    x = random_input(3, 12, 11)
    found = upscale(x, scale)[0].permute(1, 2, 0).numpy()
    expected = imresize(x[0].permute(1, 2, 0).numpy(), 11 * scale, 12 * scale)
    inner = slice(2 * scale, -2 * scale)
    assert abs(found - expected)[inner, inner].max() < 1e-6


def test_espcn_is_the_paper():
    network = randomized(ESPCNConfig(num_feat=8, num_mapped=6, scale=3).build())
    f, x = Functional(network), random_input(1)
    y = torch.tanh(f.conv(x, "first_part.0"))
    y = torch.tanh(f.conv(y, "first_part.2"))
    assert_same(network, shuffled(f.conv(y, "last_part.0"), 3), x)


def test_srresnet_is_the_paper():
    network = randomized(SRResNetConfig(num_feat=8, num_block=2, scale=4).build())
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand(buffer.shape) + 0.5)
    f, x = Functional(network), random_input()
    first = y = f.prelu(f.conv(x, "conv_first"), "act_first")
    for block in ("body.0", "body.1"):
        z = f.prelu(f.norm(f.conv(y, f"{block}.conv1"), f"{block}.norm1"), f"{block}.act")
        y = y + f.norm(f.conv(z, f"{block}.conv2"), f"{block}.norm2")
    y = first + f.norm(f.conv(y, "conv_body"), "norm_body")
    for step in ("up.0", "up.1"):
        y = f.prelu(shuffled(f.conv(y, f"{step}.conv"), 2), f"{step}.act")
    assert_same(network, f.conv(y, "conv_last"), x)


@pytest.mark.parametrize("num_linear", [0, 6])
def test_wdsr_is_the_paper(num_linear):
    config = WDSRConfig(num_feat=8, num_block=2, num_wide=32, num_linear=num_linear, scale=3)
    network = randomized(config.build())
    f, x = Functional(network), random_input()
    mean = torch.tensor([0.4488, 0.4371, 0.4040])[:, None, None] * 255
    levels = (x * 255 - mean) / 127.5
    y = f.normalized(levels, "head.0")
    for block in ("body.0.body", "body.1.body"):
        z = f.normalized(F.relu(f.normalized(y, f"{block}.0")), f"{block}.2")
        y = y + (f.normalized(z, f"{block}.3") if num_linear else z)
    y = shuffled(f.normalized(y, "tail.0"), 3) + shuffled(f.normalized(levels, "skip.0"), 3)
    assert_same(network, (y * 127.5 + mean) / 255, x)


@pytest.mark.parametrize("tail", ["steps", "shuffle", "repeat"])
def test_rdn_is_the_paper(tail):
    config = RDNConfig(num_feat=8, num_grow_ch=6, num_block=2, num_layer=3, tail=tail, scale=2)
    network = randomized(config.build())
    f, x = Functional(network), random_input()
    first = f.conv(x, "sfe1")
    y, results = f.conv(first, "sfe2"), []
    for block in ("rdbs.0", "rdbs.1"):
        joined = [y]
        for layer in range(3):
            added = f.conv(torch.cat(joined, 1), f"{block}.layers.{layer}.conv")
            joined.append(F.relu(added))
        y = y + f.conv(torch.cat(joined, 1), f"{block}.lff")
        results.append(y)
    y = first + f.conv(f.conv(torch.cat(results, 1), "gff.0"), "gff.1")
    if tail == "steps":
        y = shuffled(f.conv(y, "upscale.0"), 2)
    else:
        y = f.conv(F.relu(f.conv(F.relu(f.conv(y, "upn1")), "upn2")), "upn3")
        y = (
            shuffled(y, 2)
            if tail == "shuffle"
            else y.repeat_interleave(2, 2).repeat_interleave(2, 3)
        )
    assert_same(network, f.conv(y, "output"), x)


def test_rrdn_is_isr():
    config = RRDNConfig(num_feat=8, num_grow_ch=6, num_block=2, num_dense=2, num_layer=3, scale=3)
    network = randomized(config.build())
    f, x = Functional(network), random_input()
    first = y = f.conv(x, "pre_blocks")
    for block in range(2):
        z = y
        for dense in range(2):
            joined = [z]
            for layer in range(3):
                name = f"body.{block}.{dense}.layers.{layer}"
                joined.append(F.relu(f.conv(torch.cat(joined, 1), name)))
            z = z + 0.2 * f.conv(torch.cat(joined, 1), f"body.{block}.{dense}.lff")
        y = y + 0.2 * z
    y = first + f.conv(y, "post_blocks")
    assert_same(network, f.conv(shuffled(f.conv(y, "pre_shuffle"), 3), "output"), x)


SMALL = {
    "srcnn": SRCNNConfig(num_feat=8, num_mapped=6),
    "espcn": ESPCNConfig(num_feat=8, num_mapped=6),
    "srresnet": SRResNetConfig(num_feat=8, num_block=2),
    "edsr": EDSRConfig(num_feat=8, num_block=2),
    "wdsr-a": WDSRConfig(num_feat=8, num_block=2, num_wide=32),
    "wdsr-b": WDSRConfig(num_feat=8, num_block=2, num_wide=48, num_linear=6),
    "rdn": RDNConfig(num_feat=8, num_grow_ch=8, num_block=2, num_layer=3),
    "rdn-isr": RDNConfig(num_feat=8, num_grow_ch=8, num_block=2, num_layer=3, tail="shuffle"),
    "rrdn": RRDNConfig(num_feat=8, num_grow_ch=8, num_block=2),
    "rrdbnet": RRDBNetConfig(num_feat=8, num_block=2, num_grow_ch=8),
    "rrdbnet-x8": RRDBNetConfig(num_feat=8, num_block=1, num_grow_ch=8, scale=8),
    "enhancer": EnhancerConfig(num_feat=8, num_block=2),
}


@pytest.mark.parametrize("name", SMALL)
def test_networks_can_start_as_an_enlargement(name):
    torch.manual_seed(0)
    config = SMALL[name]
    network = config.build().requires_grad_(False).eval()
    x = F.interpolate(torch.rand(1, config.channels, 5, 6), scale_factor=4)  # flat areas
    expected = F.interpolate(x, scale_factor=config.scale)
    before = (network(x) - expected).abs().mean()
    initialize_(network, "identity")
    assert (network(x) - expected).abs().mean() < min(0.05, before / 3)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", [EDSRConfig, SRResNetConfig])
def test_networks_can_start_as_an_interpolation(kind, scale):
    """It is exact for a surface of the second degree."""
    torch.manual_seed(0)
    network = kind(num_feat=16, num_block=1, scale=scale).build().requires_grad_(False).eval()
    initialize_(network, "smooth")

    def surface(size, step):
        x = (torch.arange(size) + 0.5) * step / 10
        plane = 0.2 + 0.3 * x[:, None] ** 2 + 0.2 * x[None] - 0.1 * x[None] ** 2
        return plane.expand(1, 3, size, size)

    inner = slice(8 * scale, 12 * scale)
    found = network(surface(20, 1))[..., inner, inner]
    expected = surface(20 * scale, 1 / scale)[..., inner, inner]
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("kind", ["kaiming", "normal", "uniform"])
def test_first_values_of_the_papers(kind):
    network = EDSRConfig(num_feat=64, num_block=1).build()
    initialize_(network, kind)
    weight, bias = network.body[0].body[0].weight, network.body[0].body[0].bias
    fan_in = 64 * 9
    deviation = {"kaiming": 0.1 * (2 / fan_in) ** 0.5, "normal": 1e-3, "uniform": 0.05 / 3**0.5}
    assert weight.std().item() == pytest.approx(deviation[kind], rel=0.02)
    assert not bias.any()
    assert network.sub_mean.bias[0] == pytest.approx(-255 * 0.4488)  # it is no convolution


@pytest.mark.parametrize(
    "config",
    [
        SRVGGConfig(num_feat=8, num_conv=2),
        *(config for config in SMALL.values() if config.scale == 4),
    ],
    ids=repr,
)
def test_ten_steps_lower_the_loss(config):
    torch.manual_seed(0)
    network = config.build()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    hr = F.interpolate(torch.rand(2, config.channels, 12, 12), scale_factor=4)
    lr = F.avg_pool2d(hr, 4)
    losses = []
    for _ in range(11):
        loss = F.l1_loss(network(lr), hr)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]
