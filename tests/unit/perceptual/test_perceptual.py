import sys

import pytest
import torch
from safetensors.torch import save_file

from realesr.errors import InvalidOptionError, MissingExtraError, UnsupportedCheckpointError
from realesr.perceptual.distance import feature_distance, l1_distance, mse_distance
from realesr.perceptual.efficientnet import efficientnet_lite
from realesr.perceptual.squeezenet import squeezenet
from realesr.perceptual.vgg import ESRGAN_LAYERS, SRGAN_LAYERS, layer_names, vgg19

from support.paths import shared
from support.reference import basicsr

SQUEEZENET = "weights/perceptual/squeezenet1_1_features_deepscale.safetensors"


def image(side=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, side // 4, side // 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    """Returns VGG19 with random parameters."""
    from torchvision.models import vgg19 as make

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    state = make(weights=None).features.state_dict()
    save_file({f"features.{name}": tensor for name, tensor in state.items()}, path)
    return path


@pytest.fixture(scope="module")
def any_squeezenet(tmp_path_factory):
    """Returns SqueezeNet with random parameters."""
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("squeeze") / "squeezenet.safetensors"
    save_file(squeezenet1_1(weights=None).state_dict(), path)
    return squeezenet(path)


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


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_perceptual_loss_is_that_of_basicsr(vgg_file, monkeypatch):
    """Real-ESRGAN's: VGG19 before the activation, five layers, L1."""
    arch = basicsr("archs.vgg_arch")
    from torchvision.models import vgg19 as make

    def with_parameters(**_):
        full = make(weights=None)
        full.features.load_state_dict(vgg19(vgg_file, ["pool5"]).layers.state_dict())
        return full

    monkeypatch.setattr(arch.vgg, "vgg19", with_parameters)
    loss = basicsr("losses.basic_loss").PerceptualLoss(
        dict(ESRGAN_LAYERS), perceptual_weight=1.0, style_weight=0.0, criterion="l1"
    )
    first, second = image(), image(seed=1)
    theirs, _ = loss(first, second)
    network = vgg19(vgg_file, tuple(ESRGAN_LAYERS))
    found = l1_distance(network(first), network(second), ESRGAN_LAYERS)
    assert torch.allclose(found, theirs, rtol=1e-5)


def test_srgans_content_loss_divides_features(vgg_file):
    network = vgg19(vgg_file, tuple(SRGAN_LAYERS))
    first, second = network(image()), network(image(seed=1))
    expected = (first["relu5_4"] / 12.75 - second["relu5_4"] / 12.75).square().mean()
    assert torch.allclose(mse_distance(first, second, SRGAN_LAYERS), expected)


def test_the_distance_is_that_of_lpips_without_weights():
    first = {"a": torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1).expand(2, 2, 3, 3)}
    second = {"a": torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1).expand(2, 2, 3, 3)}
    expected = (0.6 - 1) ** 2 + 0.8**2
    assert feature_distance(first, second).tolist() == pytest.approx([expected] * 2)
    assert feature_distance(first, first).tolist() == [0, 0]


def test_squeezenet_gives_seven_features(any_squeezenet):
    found = any_squeezenet(image())
    assert [each.shape[1] for each in found.values()] == [64, 128, 256, 384, 384, 512, 512]


def test_extractors_stay_frozen(any_squeezenet):
    any_squeezenet.train()
    assert not any(module.training for module in any_squeezenet.modules())
    assert not any(parameter.requires_grad for parameter in any_squeezenet.parameters())
    probe = image().requires_grad_()
    feature_distance(any_squeezenet(probe), any_squeezenet(image(seed=1))).sum().backward()
    assert torch.isfinite(probe.grad).all()
    assert probe.grad.abs().sum() > 0


def test_a_file_of_another_network_is_named(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(UnsupportedCheckpointError, match=r"other\.safetensors is no SqueezeNet"):
        squeezenet(path)
    with pytest.raises(UnsupportedCheckpointError, match=r"other\.safetensors is no VGG19"):
        vgg19(path, ["conv1_2"])


def test_squeezenets_distance_rises_with_blur():
    network = squeezenet(shared(SQUEEZENET))
    sharp = image()
    distances = []
    for size in (1, 3, 7):
        blurred = torch.nn.functional.avg_pool2d(sharp, size, 1, size // 2)
        distances.append(feature_distance(network(blurred), network(sharp)).item())
    assert distances[0] < 1e-6 < distances[1] < distances[2]


@pytest.mark.parametrize("variant", [0, 2])
def test_efficientnet_gives_features_of_four_strides(variant):
    pytest.importorskip("efficientnet_lite_pytorch")
    network = efficientnet_lite(variant)
    whole = network(torch.cat([image(128), image(128, seed=1)]))
    assert {int(name): 128 // each.shape[-1] for name, each in whole.items()} == {
        stride: stride for stride in (2, 4, 8, 16)
    }
    alone = network(image(128))
    assert all(torch.allclose(alone[k][0], whole[k][0], atol=1e-4) for k in alone)


def test_efficientnet_is_fully_convolutional():
    pytest.importorskip("efficientnet_lite_pytorch")
    network = efficientnet_lite(0)
    large = image(192)
    first, second = network(large[..., :176]), network(large[..., 16:])
    a, b = first["4"], second["4"]
    assert torch.allclose(a[..., 8:-8, 12:36], b[..., 8:-8, 8:32], atol=1e-4)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(MissingExtraError, match=r"realesr\[train\]"):
        efficientnet_lite(0)
    with pytest.raises(InvalidOptionError, match="Lite1"):
        efficientnet_lite(1)
