"""The native convolution against PyTorch's. Where it was not compiled, there is nothing to test."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from realesr.engine import winograd
from realesr.engine.acceleration import accelerate
from realesr.engine.upscaler import Upscaler
from realesr.engine.winograd import WinogradConv2d, lanes
from realesr.models.rrdbnet import RRDBNet
from realesr.models.srvgg import SRVGGNetCompact

from support.networks import random_image, randomized

native = pytest.mark.skipif(not lanes(), reason="no C++ compiler for x86-64 when installed")
TOLERANCE = 1e-4


@pytest.fixture(params=[8, 16], ids=["avx2", "avx512"])
def each_instruction_set(request, monkeypatch):
    if request.param > lanes():
        pytest.skip("this processor does not have it")
    monkeypatch.setattr(winograd, "lanes", lambda: request.param)


def random_tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_convolution(channels_in: int, channels_out: int) -> nn.Conv2d:
    convolution = randomized(nn.Conv2d(channels_in, channels_out, 3, padding=1))
    assert isinstance(convolution, nn.Conv2d)
    return convolution


def test_what_was_compiled_is_used():
    """Otherwise the tests below would be skipped, and nobody would notice."""
    assert lanes() in ((8, 16) if winograd.LIBRARY.exists() else (0,))


def test_a_native_part_of_another_version_is_not_called(monkeypatch):
    lanes.cache_clear()
    monkeypatch.setattr(winograd, "VERSION", -1)
    assert lanes() == 0
    lanes.cache_clear()


@native
@pytest.mark.usefixtures("each_instruction_set")
@pytest.mark.parametrize(
    "channels", [(16, 16), (64, 64), (64, 48), (192, 64), (32, 80), (3, 64), (64, 3)]
)
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 3, 9), (2, 4, 8), (1, 37, 61), (3, 18, 33)])
def test_it_equals_the_direct_convolution(channels, size):
    count, height, width = size
    convolution = random_convolution(*channels)
    activation = nn.PReLU(channels[1])
    activation.weight.data.uniform_(-1, 1)
    x = random_tensor(count, channels[0], height, width)
    expected = activation(convolution(x))
    for contiguous in (x, x.contiguous(memory_format=torch.channels_last)):
        sr = WinogradConv2d(convolution, activation)(contiguous)
        assert sr.shape == expected.shape
        assert (sr - expected).abs().max() < TOLERANCE


@native
@pytest.mark.usefixtures("each_instruction_set")
def test_it_reads_and_writes_slices_of_channels_and_adds_a_residual():
    channels = random_tensor(2, 15, 22, 64 + 32).permute(0, 3, 1, 2)
    x, grown = channels[:, :64], channels[:, 64:]
    before = x.clone()
    convolution = random_convolution(64, 32)
    residual = random_tensor(2, 15, 22, 48, seed=1).permute(0, 3, 1, 2)[:, 16:]
    expected = 0.2 * convolution(x) + residual
    sr = WinogradConv2d(convolution, gain=0.2)(x, residual=residual, out=grown)
    assert sr.data_ptr() == grown.data_ptr()
    assert (sr - expected).abs().max() < TOLERANCE
    assert torch.equal(x, before)


@native
def test_leaky_relu_and_no_bias():
    convolution = nn.Conv2d(16, 16, 3, padding="same", bias=False)
    activation = nn.LeakyReLU(0.2, inplace=True)
    x = random_tensor(1, 16, 9, 9)
    with torch.no_grad():
        expected = activation(convolution(x))
        assert (WinogradConv2d(convolution, activation)(x) - expected).abs().max() < TOLERANCE


@native
def test_the_number_of_threads_does_not_show():
    convolution = WinogradConv2d(random_convolution(64, 64))
    x = random_tensor(1, 64, 90, 70)
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(convolution(x))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


NETWORKS = {
    "SRVGG": lambda: SRVGGNetCompact(num_feat=16, num_conv=3),
    "SRVGG-x2": lambda: SRVGGNetCompact(num_feat=16, num_conv=3, scale=2),
    "RRDB": lambda: RRDBNet(num_feat=16, num_block=2, num_grow_ch=16),
    "RRDB-x2": lambda: RRDBNet(num_feat=16, num_block=2, num_grow_ch=16, scale=2),
}


@native
@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_a_network_gives_the_same(name):
    network = randomized(NETWORKS[name]())
    parameters = {key: value.clone() for key, value in network.state_dict().items()}
    x = torch.rand(2, 3, 26, 34, generator=torch.Generator().manual_seed(0))
    expected = network(x)
    fast = accelerate(network)
    assert sum(isinstance(module, WinogradConv2d) for module in fast.modules()) >= 3
    error = (fast(x) - expected).abs().max()
    assert error < TOLERANCE * expected.abs().max()
    assert torch.equal(network(x), expected)
    assert all(torch.equal(value, parameters[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    "network",
    [
        SRVGGNetCompact(num_feat=24),
        RRDBNet(num_feat=16, num_block=1, num_grow_ch=8),
        nn.Conv2d(16, 16, 3, padding=1),
    ],
)
def test_other_networks_stay_as_they_are(network):
    assert accelerate(network) is network


@native
@pytest.mark.parametrize("name", ["SRVGG", "RRDB"])
@torch.inference_mode()
def test_threads_and_sizes_do_not_get_in_each_other_s_way(name):
    """Memory for features is kept from call to call."""
    network = randomized(NETWORKS[name]())
    fast = accelerate(network)
    inputs = [torch.rand(1, 3, side, 40 - side) for side in (8, 30, 12, 25, 9, 31)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for x, sr in zip(inputs, pool.map(torch.inference_mode()(fast), inputs), strict=True):
                expected = network(x)
                assert (sr - expected).abs().max() < TOLERANCE * expected.abs().max()


@native
def test_an_upscaler_can_be_copied_and_sent():
    image = random_image(20, 14)
    network = randomized(SRVGGNetCompact(num_feat=16, num_conv=2))
    made = Upscaler(network, device=torch.device("cpu"))
    expected = made(image).pixels
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301
        assert (other(image).pixels == expected).all()


@native
@torch.inference_mode()
def test_room_is_given_back_when_tiles_get_much_smaller():
    fast = accelerate(randomized(SRVGGNetCompact(num_feat=16, num_conv=2)))
    fast(torch.rand(1, 3, 200, 200))
    most = fast._room._values.numel()
    fast(torch.rand(1, 3, 150, 150))
    assert fast._room._values.numel() == most
    fast(torch.rand(1, 3, 50, 50))
    assert fast._room._values.numel() < most / 10


def test_without_the_native_part_networks_stay_as_they_are(monkeypatch):
    monkeypatch.setattr("realesr.engine.acceleration.lanes", lambda: 0)
    network = SRVGGNetCompact(num_feat=16, num_conv=3)
    assert accelerate(network) is network


@native
def test_pictures_come_out_the_same(monkeypatch):
    image = random_image(45, 31)
    network = randomized(SRVGGNetCompact(num_feat=16, num_conv=2))
    device = torch.device("cpu")
    fast = Upscaler(network, device=device, tile=16)(image).pixels
    monkeypatch.setattr("realesr.engine.acceleration.lanes", lambda: 0)
    plain = Upscaler(network, device=device, tile=16)(image).pixels
    difference = abs(fast.astype(int) - plain)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
