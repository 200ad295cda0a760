"""Every architecture of the registry: one that is added is tested at once."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from realesr.engine import tiling
from realesr.engine.native.bindings import lanes
from realesr.engine.native.networks import BUILDERS, build_native
from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.pytorch.strips import in_strips
from realesr.engine.tiled import TiledUpscaler
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import NetworkFiles
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
from realesr.models.loader import load_model
from realesr.models.networks.base import SRModel
from realesr.models.networks.luma import LumaNetwork, for_rgb
from realesr.models.registry import ARCHITECTURES, METADATA_KEY, by_name, describe, detect
from realesr.options import UpscaleOptions
from realesr.weights.torch_checkpoint import save_weights

from support.live_bytes import activation_values_per_pixel
from support.networks import random_image, randomized

EXAMPLES = {
    RRDBNetConfig: [
        RRDBNetConfig(num_feat=16, num_block=2, num_grow_ch=8, scale=4),
        RRDBNetConfig(num_feat=16, num_block=11, num_grow_ch=8, scale=2),
        RRDBNetConfig(num_feat=32, num_block=1, num_grow_ch=16, scale=1),
        RRDBNetConfig(num_feat=16, num_block=1, num_grow_ch=16, scale=8),
    ],
    SRVGGConfig: [
        SRVGGConfig(num_feat=12, num_conv=16, scale=4),
        SRVGGConfig(num_feat=24, num_conv=3, scale=2),
        SRVGGConfig(num_feat=24, num_conv=1, scale=1),
    ],
    SRCNNConfig: [
        SRCNNConfig(num_feat=8, num_mapped=6, middle=5, scale=4, channels=3),
        SRCNNConfig(num_feat=8, num_mapped=6, middle=1, scale=3),
        SRCNNConfig(num_feat=8, num_mapped=6, middle=3, scale=2),
        SRCNNConfig(num_feat=8, num_mapped=6, middle=1, scale=1),
    ],
    ESPCNConfig: [
        ESPCNConfig(num_feat=12, num_mapped=8, scale=4),
        ESPCNConfig(num_feat=12, num_mapped=8, scale=3, channels=3),
        ESPCNConfig(num_feat=12, num_mapped=8, scale=2),
    ],
    SRResNetConfig: [
        *(SRResNetConfig(num_feat=8, num_block=2, scale=s) for s in (4, 3)),
        SRResNetConfig(num_feat=8, num_block=1, scale=2, num_slope=8),
    ],
    MSRResNetConfig: [MSRResNetConfig(num_feat=8, num_block=2, scale=s) for s in (4, 3, 2)],
    EDSRConfig: [
        EDSRConfig(num_feat=8, num_block=2, scale=4),
        EDSRConfig(num_feat=8, num_block=3, scale=3),
        EDSRConfig(num_feat=8, num_block=1, scale=2),
    ],
    WDSRConfig: [
        WDSRConfig(num_feat=8, num_block=2, num_wide=32, scale=4),
        WDSRConfig(num_feat=8, num_block=3, num_wide=48, num_linear=6, scale=3),
        WDSRConfig(num_feat=8, num_block=1, num_wide=32, scale=2),
    ],
    RDNConfig: [
        RDNConfig(num_feat=8, num_grow_ch=6, num_block=2, num_layer=3, scale=4),
        RDNConfig(num_feat=8, num_grow_ch=8, num_block=3, num_layer=2, scale=3),
        RDNConfig(num_feat=8, num_grow_ch=8, num_block=6, num_layer=2, tail="repeat", scale=2),
        RDNConfig(num_feat=8, num_grow_ch=8, num_block=6, num_layer=2, tail="shuffle", scale=4),
    ],
    RRDNConfig: [
        RRDNConfig(num_feat=8, num_grow_ch=6, num_block=2, num_dense=3, num_layer=4, scale=4),
        RRDNConfig(num_feat=8, num_grow_ch=8, num_block=1, num_dense=2, num_layer=3, scale=3),
        RRDNConfig(num_feat=8, num_grow_ch=8, num_block=3, num_dense=1, num_layer=2, scale=2),
    ],
    EnhancerConfig: [EnhancerConfig(num_feat=8, num_block=2, scale=s) for s in (4, 3, 2, 1)],
}
"""Small networks of each architecture, of each scale that it has."""
CONFIGS = [
    pytest.param(config, id=f"{each.name}-x{config.scale}")
    for each in ARCHITECTURES
    for config in EXAMPLES[each]
]


@pytest.fixture(params=CONFIGS)
def config(request):
    return request.param


def shapes_of(network):
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def test_names_are_distinct_and_found():
    assert [by_name(each.name) for each in ARCHITECTURES] == list(ARCHITECTURES)
    assert len({each.name for each in ARCHITECTURES}) == len(ARCHITECTURES)
    assert by_name("nothing") is None


def test_the_configuration_knows_its_parameters(config):
    network = config.build()
    assert isinstance(network, SRModel)
    assert network.config == config
    assert shapes_of(network) == config.parameter_shapes()


@pytest.mark.parametrize("has_metadata", [True, False])
def test_detection_round_trips(tmp_path, config, has_metadata):
    metadata = describe(config) if has_metadata else {}
    original = randomized(config.build())
    path = tmp_path / "net.safetensors"
    save_weights(original.state_dict(), path, dtype=torch.float32, **metadata)
    loaded = load_model(path)
    assert isinstance(loaded, LumaNetwork) == (config.channels == 1)
    loaded = loaded.network if config.channels == 1 else loaded
    assert type(loaded) is type(original)
    if not has_metadata and isinstance(config, SRCNNConfig):  # its scale leaves no trace
        assert loaded.config == replace(config, scale=4)
        return
    assert loaded.config == config
    x = torch.rand(1, config.channels, 5 * config.multiple_of, 7 * config.multiple_of)
    torch.testing.assert_close(loaded(x), original(x), rtol=0, atol=0)


def test_what_a_file_says_must_be_so(config):
    shapes = config.parameter_shapes()
    stated = json.loads(describe(config)[METADATA_KEY])
    with pytest.raises(ValueError, match="the file says num_feat"):
        detect(shapes, {METADATA_KEY: json.dumps(stated | {"num_feat": 10**9})})
    with pytest.raises(TypeError, match="num_feat"):
        detect(shapes, {METADATA_KEY: json.dumps(stated | {"num_feat": [1]})})
    other = next(each.name for each in ARCHITECTURES if each is not type(config))
    with pytest.raises(ValueError, match="other parameters"):
        detect(shapes, {METADATA_KEY: json.dumps(stated | {"name": other})})
    for odd in ("", "no JSON", "[]", "[" * 200_000, '{"name": "of tomorrow"}', '{"name": 3}'):
        assert detect(shapes, {METADATA_KEY: odd}) == detect(shapes)


def reached(network, side, at, gray):
    """Distances, in input px, of all output rows that notice a change of input row ``at``."""
    shape = (1, network.channels, side, network.multiple_of)
    x = torch.full(shape, gray, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, at] += 1
    with torch.inference_mode():
        difference = (network(changed) - network(x)).abs().amax(dim=(0, 1, 3))
    return [row // network.scale - at for row in torch.nonzero(difference).flatten().tolist()]


def test_receptive_radius_is_exact(config):
    """A changed pixel is noticed exactly as far as declared, in one direction at least.

    No weight is negative and no bias is there, so that nothing cancels out or drowns. Where
    something is subtracted, or a bicubic filter is negative, activations stop what is below 0:
    these networks are shallow enough for an image that is not black.
    """
    network = config.build().eval().double().requires_grad_(False)
    for name, parameter in network.named_parameters():
        parameter.fill_(0 if name.endswith("bias") else 1 / parameter[0].numel())
    gray = 1.0 if isinstance(config, SRCNNConfig | EDSRConfig | WDSRConfig) else 0.0
    radius, step = network.receptive_radius, network.multiple_of
    side = (2 * radius // step + 3) * step
    middle = side // 2 // step * step
    rows = range(middle, middle + step)
    distances = [d for row in rows for d in reached(network, side, row, gray)]
    assert max(abs(d) for d in distances) == radius


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 41)])
def test_odd_sizes_and_tiles(config, size):
    """Any size comes out, and tiles with all of their context do not show."""
    network = for_rgb(randomized(config.build()))
    radius = network.receptive_radius
    image = random_image(*size)
    whole = TiledUpscaler(TorchBackend(network), tile=0)(image)
    assert whole.size == image.size.scaled(config.scale)
    tiled = TiledUpscaler(TorchBackend(network), tile=16, tile_pad=radius)(image)
    assert np.abs(tiled.pixels.astype(int) - whole.pixels).max() <= 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_options_lead_to_each(tmp_path, architecture):
    """``--model-path`` takes the file of a training run, on whatever computes fastest."""
    config = EXAMPLES[architecture][0]
    path = tmp_path / "net.safetensors"
    state = {name: 0.3 * t for name, t in randomized(config.build()).state_dict().items()}
    save_weights(state, path, dtype=torch.float32, **describe(config))
    options = UpscaleOptions(
        model_path=path, device="cpu", precision="fp32", tile=16, color_lock=False
    )
    upscaler = make_upscaler(options, NetworkFiles(path))
    image = random_image(20, 17)
    (upscaled,) = upscaler.upscale_to([image], image.size.scaled(config.scale))
    whole = TiledUpscaler(TorchBackend(load_model(path)), tile=0)(image)
    assert np.abs(upscaled.pixels.astype(int) - whole.pixels).max() <= 2


def test_strips_do_not_show(config, monkeypatch):
    network = randomized(config.build())
    x = torch.rand(2, config.channels, 12 * config.multiple_of, 7 * config.multiple_of)
    expected = network(x)
    monkeypatch.setattr(tiling, "STRIP_FEATURES", 15)
    torch.testing.assert_close(in_strips(network)(x), expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_peak_activations(architecture, monkeypatch):
    """Networks know what they hold at their peak: tensors are counted while they live."""
    monkeypatch.setattr(tiling, "STRIP_FEATURES", 1)  # as in a large image
    for config in EXAMPLES[architecture]:
        network = config.build().eval()
        side = 64 * network.multiple_of * max(1, config.scale // 4) ** 2  # strips are a small part
        held = activation_values_per_pixel(in_strips(network), side, config.channels)
        assert network.peak_activations_per_pixel == pytest.approx(held, rel=0.2)


@pytest.mark.skipif(not lanes(), reason="the native engine is not built")
@pytest.mark.parametrize("architecture", [each for each in ARCHITECTURES if each in BUILDERS])
def test_the_native_engine_takes_what_is_detected(architecture):
    config = EXAMPLES[architecture][0]
    wide = type(config)(
        **{
            name: 16 if name in ("num_feat", "num_grow_ch") else getattr(config, name)
            for name in asdict(config)
        }
    )
    state = randomized(wide.build()).state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    network = build_native(arrays, describe(wide))
    assert network is not None
    assert network.architecture == wide
    assert build_native({**arrays, "more": np.ones(1, np.float32)}) is None


def test_missing_blocks_are_not_made_up():
    shapes = RRDBNetConfig(num_feat=8, num_block=2, num_grow_ch=4).parameter_shapes()
    far = {name.replace("body.1.", "body.999999999."): shape for name, shape in shapes.items()}
    assert detect(far).num_block == 2


@pytest.mark.filterwarnings("ignore")  # PyTorch's own
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_forward_can_be_exported(architecture):
    """One graph serves all sizes: nothing in ``forward`` depends on a size or on a mode."""
    for config in EXAMPLES[architecture][:2]:
        network = config.build().eval().requires_grad_(False)
        step = config.multiple_of
        height, width = (torch.export.Dim(name, min=2, max=512) for name in ("height", "width"))
        sides = {2: step * height, 3: step * width} if step > 1 else {2: height, 3: width}
        exported = torch.export.export(
            network,
            (torch.rand(1, config.channels, 12 * step, 10 * step),),
            dynamic_shapes=(sides,),
        )
        x = torch.rand(1, config.channels, 17 * step, 23 * step)
        torch.testing.assert_close(exported.module()(x), network(x))
