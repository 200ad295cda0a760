"""The native engine against PyTorch. Where it was not compiled, there is nothing to test."""

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from realesr.engine import tiling
from realesr.engine.native import bindings, layers
from realesr.engine.native.backend import NativeBackend
from realesr.engine.native.bindings import lanes, read_pixels, write_pixels
from realesr.engine.native.networks import Convolution, build_native
from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.pytorch.tensor import to_pixels, to_tensor
from realesr.engine.tiled import TiledUpscaler
from realesr.errors import UnsupportedCheckpointError
from realesr.geometry import Size
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.models.architectures.edsr import EDSRConfig
from realesr.models.architectures.msrresnet import MSRResNetConfig
from realesr.models.architectures.srresnet import SRResNetConfig
from realesr.models.loader import load_model
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.models.registry import describe
from realesr.options import MAX_THREADS, UpscaleOptions
from realesr.progress import Notice
from realesr.weights.torch_checkpoint import save_weights

from support.networks import random_image, randomized
from support.paths import ROOT

native = pytest.mark.skipif(not lanes(), reason="no C++ compiler for x86-64 when installed")
TOLERANCE = 1e-4
CPU = torch.device("cpu")


@pytest.fixture(params=[8, 16], ids=["avx2", "avx512"])
def each_instruction_set(request, monkeypatch):
    if request.param > lanes():
        pytest.skip("this processor does not have it")
    monkeypatch.setattr(bindings, "lanes", lambda: request.param)


def random_array(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def as_tensor(features: np.ndarray) -> torch.Tensor:
    """(N, H, W, C) -> (N, C, H, W)."""
    return torch.from_numpy(features).permute(0, 3, 1, 2)


def random_convolution(channels_in: int, channels_out: int) -> nn.Conv2d:
    convolution = randomized(nn.Conv2d(channels_in, channels_out, 3, padding=1))
    assert isinstance(convolution, nn.Conv2d)
    return convolution


def natively(convolution: nn.Conv2d, *, threads: int = 2, **options) -> Convolution:
    return Convolution(
        convolution.weight.numpy(), convolution.bias.numpy(), threads=threads, **options
    )


def parameters_of(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def fast(network: nn.Module, threads: int = 2):
    made = build_native(parameters_of(network), describe(network.config), threads=threads)
    assert made is not None
    return made


def difference(values: np.ndarray, expected: torch.Tensor) -> float:
    return float((as_tensor(np.ascontiguousarray(values)) - expected).abs().max())


def test_what_was_compiled_is_used():
    """Otherwise the tests below would be skipped, and nobody would notice."""
    assert lanes() in ((8, 16) if bindings.LIBRARY.exists() else (0,))


def test_a_native_part_of_another_version_is_not_called(monkeypatch):
    lanes.cache_clear()
    monkeypatch.setattr(bindings, "VERSION", -1)
    assert lanes() == 0
    lanes.cache_clear()


@native
@pytest.mark.usefixtures("each_instruction_set")
@pytest.mark.parametrize("channels", [(16, 16), (64, 64), (64, 48), (192, 64), (32, 80)])
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 3, 9), (2, 4, 8), (1, 37, 61), (3, 18, 33)])
def test_it_equals_the_direct_convolution(channels, size):
    convolution = random_convolution(*channels)
    activation = nn.PReLU(channels[1]).requires_grad_(False)
    activation.weight.uniform_(-1, 1)
    x = random_array(*size, channels[0])
    expected = activation(convolution(as_tensor(x)))
    sr = natively(convolution, slopes=activation.weight.numpy())(x)
    assert difference(sr, expected) < TOLERANCE


@native
@pytest.mark.usefixtures("each_instruction_set")
def test_channels_that_fill_no_register_are_padded():
    convolution = random_convolution(3, 5)
    x = np.zeros((1, 7, 9, 16), np.float32)
    x[..., :3] = random_array(1, 7, 9, 3)
    sr = natively(convolution, slopes=np.float32(0.2))(x)
    expected = nn.functional.leaky_relu(convolution(as_tensor(x)[:, :3]), 0.2)
    assert sr.shape == (1, 7, 9, 16)
    assert difference(sr[..., :5], expected) < TOLERANCE
    assert not sr[..., 5:].any()


@native
@pytest.mark.usefixtures("each_instruction_set")
def test_it_reads_and_writes_slices_of_channels_and_adds_residuals():
    channels = random_array(2, 15, 22, 64 + 32)
    x, grown = channels[..., :64], channels[..., 64:]
    before, own = x.copy(), grown.copy()
    convolution = random_convolution(64, 32)
    other = random_array(2, 15, 22, 48, seed=1)[..., 16:]
    expected = 0.2 * convolution(as_tensor(x)) + as_tensor(own) - 3 * as_tensor(other)
    sr = natively(convolution, gain=0.2)(x, out=grown, residuals=[(grown, 1), (other, -3)])
    assert np.shares_memory(sr, channels)
    assert difference(grown, expected) < TOLERANCE
    assert (x == before).all()


@native
@pytest.mark.usefixtures("each_instruction_set")
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 14)])
def test_an_input_of_half_the_sides_is_upscaled_by_nearest(size):
    convolution = random_convolution(32, 16)
    x = random_array(2, *size, 32)
    out = np.empty((2, 2 * size[0], 2 * size[1], 16), np.float32)
    expected = convolution(nn.functional.interpolate(as_tensor(x), scale_factor=2))
    assert difference(natively(convolution)(x, out=out), expected) < TOLERANCE


@native
def test_the_number_of_threads_does_not_show():
    convolution = random_convolution(64, 64)
    x = random_array(1, 90, 70, 64)
    one, two, five = (natively(convolution, threads=threads)(x) for threads in (1, 2, 5))
    assert (one == two).all()
    assert (one == five).all()


@native
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_pixels_are_read_as_pytorch_reads_them(dtype, factor):
    pixels = np.stack([random_image(24, 16, dtype).pixels] * 2)
    pixels[1] = pixels[1, ::-1]
    part = pixels[:, 4:12, 8:24]
    features = np.full((2, 8 // factor, 16 // factor, 48), 7, np.float32)
    read_pixels(part, features, factor=factor, threads=2)
    expected = nn.functional.pixel_unshuffle(to_tensor(part, CPU, torch.float32), factor)
    assert torch.equal(as_tensor(features)[:, : 3 * factor**2], expected)
    assert not features[..., 3 * factor**2 :].any()


@native
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_pixels_are_written_as_pytorch_writes_them(dtype, factor):
    features = random_array(2, 5, 7, 3 * factor**2)
    base = random_array(2, 5, 7, 16, seed=1)
    by_color = as_tensor(features).reshape(2, factor**2, 3, 5, 7).transpose(1, 2).flatten(1, 2)
    sr = nn.functional.pixel_shuffle(by_color, factor)
    sr = sr + nn.functional.interpolate(as_tensor(base)[:, :3], scale_factor=factor)
    out = np.zeros((2, 9 * factor, 11 * factor, 3), dtype)
    part = out[:, 2 * factor : 7 * factor, factor : 8 * factor]
    assert write_pixels(features, part, base=base, factor=factor, threads=2)
    if dtype == np.float32:
        assert torch.equal(as_tensor(part), sr)
    else:
        assert (part == to_pixels(sr, np.dtype(dtype)).numpy()).all()
    part[:] = 0
    assert not out.any()


@native
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_told(dtype, value):
    features = random_array(1, 9, 9, 48)
    out = np.empty((1, 36, 36, 3), dtype)
    assert write_pixels(features, out, base=None, factor=4, threads=2)
    features[0, 8, 8, 47] = value
    assert not write_pixels(features, out, base=None, factor=4, threads=2)


NETWORKS = {
    "SRVGG": lambda: SRVGGNetCompact(num_feat=16, num_conv=3),
    "SRVGG-x2": lambda: SRVGGNetCompact(num_feat=32, num_conv=3, scale=2),
    "SRVGG-x3": lambda: SRVGGNetCompact(num_feat=16, num_conv=2, scale=3),
    "SRVGG-x1": lambda: SRVGGNetCompact(num_feat=16, num_conv=1, scale=1),
    "RRDB": lambda: RRDBNet(num_feat=16, num_block=2, num_grow_ch=16),
    "RRDB-x2": lambda: RRDBNet(num_feat=32, num_block=2, num_grow_ch=16, scale=2),
    "RRDB-x1": lambda: RRDBNet(num_feat=16, num_block=1, num_grow_ch=32, scale=1),
    "EDSR": lambda: EDSRConfig(num_feat=16, num_block=2).build(),
    "EDSR-x3": lambda: EDSRConfig(num_feat=32, num_block=1, scale=3).build(),
    "EDSR-x2-scaled": lambda: EDSRConfig(num_feat=16, num_block=3, scale=2, res_scale=0.1).build(),
    "SRResNet": lambda: SRResNetConfig(num_feat=16, num_block=2).build(),
    "SRResNet-x2": lambda: SRResNetConfig(num_feat=32, num_block=1, scale=2).build(),
    "MSRResNet": lambda: MSRResNetConfig(num_feat=16, num_block=2).build(),
    "MSRResNet-x3": lambda: MSRResNetConfig(num_feat=16, num_block=1, scale=3).build(),
}


@native
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_the_same(name, monkeypatch):
    monkeypatch.setattr(tiling, "STRIP_FEATURES", 40)  # the tail in several strips
    network = randomized(NETWORKS[name]())
    for norm in (each for each in network.modules() if isinstance(each, nn.BatchNorm2d)):
        norm.running_mean.normal_(0, 0.2)
        norm.running_var.uniform_(0.5, 2)
    pixels = np.stack([random_image(36, 24).pixels, random_image(24, 36).pixels.transpose(1, 0, 2)])
    expected = network(to_tensor(pixels, CPU, torch.float32))
    out = np.empty((2, 24 * network.scale, 36 * network.scale, 3), np.float32)
    made = fast(network)
    assert made(pixels).write(out)
    assert difference(out, expected) < TOLERANCE * expected.abs().max()
    part = np.empty((2, 8 * network.scale, 4 * network.scale, 3), np.float32)
    made(pixels).write(part, top=12 * network.scale, left=16 * network.scale)
    top, left = 12 * network.scale, 16 * network.scale
    assert (part == out[:, top : top + part.shape[1], left : left + part.shape[2]]).all()


@pytest.mark.parametrize(
    "network",
    [
        SRVGGNetCompact(num_feat=24),
        RRDBNet(num_feat=16, num_block=1, num_grow_ch=8),
        SRResNetConfig(num_feat=16, num_block=1, num_slope=16).build(),
        SRResNetConfig(num_feat=16, num_block=1, is_bounded=True).build(),
        nn.Conv2d(16, 16, 3, padding=1),
    ],
)
def test_other_networks_are_left_to_pytorch(network):
    metadata = describe(network.config) if hasattr(network, "config") else None
    assert build_native(parameters_of(network.requires_grad_(False)), metadata) is None


@pytest.mark.parametrize("change", ["missing", "superfluous", "shape"])
def test_parameters_that_do_not_fit_are_left_to_pytorch(change):
    parameters = parameters_of(SRVGGNetCompact(num_feat=16, num_conv=2).requires_grad_(False))
    if change == "missing":
        del parameters["body.2.bias"]
    elif change == "superfluous":
        parameters["body.2.running_mean"] = np.zeros(16, np.float32)
    else:
        parameters["body.3.weight"] = np.zeros(1, np.float32)
    assert build_native(parameters) is None


@native
@pytest.mark.parametrize("name", ["SRVGG", "RRDB", "EDSR", "SRResNet", "MSRResNet"])
def test_threads_and_sizes_do_not_get_in_each_other_s_way(name):
    """Memory for features is kept from call to call."""
    network = randomized(NETWORKS[name]())
    upscaler = TiledUpscaler(NativeBackend(fast(network), lambda: TorchBackend(network)), tile=0)
    images = [random_image(40 - side, side) for side in (8, 30, 12, 25, 9, 31)]
    expected = [upscaler(image).pixels for image in images]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for result, pixels in zip(pool.map(upscaler, images), expected, strict=True):
                assert (result.pixels == pixels).all()


@native
@pytest.mark.parametrize("name", ["SRVGG", "RRDB", "EDSR", "SRResNet", "MSRResNet"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", [{"tile": 0}, {"tile": 16}, {"tile": 16, "tile_pad": 3}])
def test_images_come_out_the_same(name, dtype, options):
    """With tiles whole and cut, hard and blended."""
    image = random_image(45, 31, dtype, alpha=True)
    network = randomized(NETWORKS[name]())
    natively = TiledUpscaler(NativeBackend(fast(network), lambda: TorchBackend(network)), **options)
    counts: list[tuple[int, int]] = []
    ours = natively(image, on_tile=lambda *count: counts.append(count))
    theirs = TiledUpscaler(TorchBackend(network), **options)(image)
    for mine, other in ((ours.pixels, theirs.pixels), (ours.alpha, theirs.alpha)):
        error = abs(mine.astype(int) - other)
        # What random values give in 16 bits rounds the other way now and then.
        assert error.max() <= (1 if dtype == np.uint8 else 40)
        assert (error > 0).mean() < (1e-3 if dtype == np.uint8 else 0.5)
    assert [done for done, _ in counts] == list(range(1, counts[-1][1] + 1))


@native
def test_an_upscaler_can_be_copied_and_sent():
    image = random_image(20, 14)
    network = randomized(SRVGGNetCompact(num_feat=16, num_conv=2))
    made = fast(network)
    out = np.empty((1, 56, 80, 3), np.uint8)
    expected = made(image.pixels[None]).write(out)
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301
        again = np.empty_like(out)
        assert other(image.pixels[None]).write(again) == expected
        assert (again == out).all()


@native
def test_room_is_given_back_when_tiles_get_much_smaller():
    made = fast(randomized(SRVGGNetCompact(num_feat=16, num_conv=2)))
    sizes = []
    for side in (200, 150, 50):
        made(random_image(side, side).pixels[None])
        sizes.append(made._workspace._values.size)
    assert sizes[0] == sizes[1] > 10 * sizes[2]


@native
def test_what_overflows_is_done_again_in_pytorch():
    """36 values times 10^37 are too much for a sum that cancels out in the end."""
    network = randomized(SRVGGNetCompact(num_feat=16, num_conv=1, scale=1))
    state = network.state_dict()
    state["body.0.weight"].mul_(1e37)
    state["body.2.weight"].mul_(1e-37)
    image = random_image(20, 14)
    notices: list[Notice] = []
    backend = NativeBackend(fast(network), lambda: TorchBackend(network))
    result = TiledUpscaler(backend)(image, notify=notices.append)
    expected = TiledUpscaler(TorchBackend(network))(image)
    assert (result.pixels == expected.pixels).all()
    assert [notice.code for notice in notices] == ["precision-raised"]


@native
def test_damaged_weights_are_an_error_not_a_image():
    network = randomized(SRVGGNetCompact(num_feat=16, num_conv=1))
    network.state_dict()["body.0.bias"].fill_(torch.nan)
    backend = NativeBackend(fast(network), lambda: TorchBackend(network))
    with pytest.raises(UnsupportedCheckpointError, match="damaged"):
        TiledUpscaler(backend)(random_image(3, 3))


@native
def test_memory_that_runs_out_halves_the_tile(monkeypatch):
    made = fast(randomized(SRVGGNetCompact(num_feat=16, num_conv=1)))
    image = random_image(100, 40)
    expected = TiledUpscaler(NativeBackend(made, lambda: None))(image)
    convolve = layers.convolve

    def cramped(features, out, **options):
        if features.shape[2] > 60:
            raise MemoryError("no memory for a convolution")
        convolve(features, out, **options)

    monkeypatch.setattr(layers, "convolve", cramped)
    notices: list[Notice] = []
    result = TiledUpscaler(NativeBackend(made, lambda: None), tile=0)(image, notify=notices.append)
    assert abs(result.pixels.astype(int) - expected.pixels).max() <= 1
    assert notices == [Notice("tile-halved", "out of memory on cpu: starting again with `tile` 50")]


@native
def test_a_image_on_a_cpu_does_not_wait_for_pytorch(tmp_path):
    code = (
        "import sys; from realesr.cli.main import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'torchvision', 'spandrel', 'av'} & set(sys.modules); "
        "sys.exit(f'{code}, imported {heavy}' if code or heavy else 0)"
    )
    image = str(ROOT / "inputs/coffee.jpg")
    command = [sys.executable, "-c", code, "image", "-i", image, "-o", str(tmp_path / "o.png")]
    options = ["--device", "cpu", "--precision", "fp32"]  # auto takes PyTorch's bf16 where AMX is
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@native
@pytest.mark.parametrize(("options", "kind"), [({}, "NativeBackend"), ({"precision": "bf16"}, "")])
def test_what_is_asked_for_chooses_the_engine(monkeypatch, options, kind):
    monkeypatch.setattr("realesr.engine.precision._has_amx", lambda: False)
    monkeypatch.setattr("realesr.engine.precision.has_bf16", lambda device: True)
    asked = UpscaleOptions(model_name="realesr-photo-x4", device="cpu", **options)
    upscaler = make_upscaler(asked, ensure_files(asked))
    assert type(upscaler._backend).__name__ == (kind or "TorchBackend")


@native
def test_threads_are_as_many_as_are_asked_for(monkeypatch):
    asked = UpscaleOptions(model_name="realesr-photo-x4", device="cpu", threads=3, precision="fp32")
    upscaler = make_upscaler(asked, ensure_files(asked))
    seen = []
    convolve = layers.convolve
    monkeypatch.setattr(
        layers, "convolve", lambda *a, **o: seen.append(o["threads"]) or convolve(*a, **o)
    )
    upscaler.upscale_to([random_image(4, 4)], Size(16, 16))
    assert set(seen) == {3}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux tells which cores are ours")
def test_threads_are_as_many_as_there_are_cores(monkeypatch, tmp_path):
    monkeypatch.setattr(bindings, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(bindings.psutil, "cpu_count", lambda logical: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)))
    assert bindings.default_threads() == 8
    for quota, threads in (("max 100000", 8), ("250000 100000", 3), ("50000 100000", 1)):
        (tmp_path / "cpu.max").write_text(quota)
        assert bindings.default_threads() == threads
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5})
    (tmp_path / "cpu.max").unlink()
    assert bindings.default_threads() == 2
    for wanted, threads in (
        ("5", 5),
        ("4,2", 4),
        ("9" * 30, MAX_THREADS),
        ("0", 2),
        ("\u00b2", 2),
        ("many", 2),
    ):
        monkeypatch.setenv("OMP_NUM_THREADS", wanted)
        assert bindings.default_threads() == threads


@native
@pytest.mark.parametrize("kind", ["legacy", "bf16", "channels_last", "parameters"])
def test_files_that_only_pytorch_reads_are_computed_natively_all_the_same(tmp_path, kind):
    network = randomized(SRVGGNetCompact(num_feat=16, num_conv=1))
    path = tmp_path / ("net.safetensors" if kind == "bf16" else "net.pth")
    if kind == "bf16":
        save_weights(network.state_dict(), path, dtype=torch.bfloat16)
    else:
        network = network.to(memory_format=torch.channels_last)
        is_zip = kind == "channels_last"
        state = network.state_dict()
        if kind == "parameters":
            state = {name: nn.Parameter(tensor) for name, tensor in state.items()}
        torch.save(state, path, _use_new_zipfile_serialization=is_zip)
    asked = UpscaleOptions(model_path=path, device="cpu", precision="fp32", color_lock=False)
    upscaler = make_upscaler(asked, ensure_files(asked))
    assert isinstance(upscaler._backend, NativeBackend)
    image = random_image(12, 9)
    expected = TiledUpscaler(TorchBackend(load_model(path)))(image).pixels
    assert abs(upscaler(image).pixels.astype(int) - expected).max() <= 1
