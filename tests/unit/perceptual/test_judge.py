import importlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch

from realesr.errors import MissingExtraError, MissingWeightsError, UnsupportedCheckpointError
from realesr.perceptual.judge import FeatureJudge, as_batch
from realesr.perceptual.published import BACKBONES, PublishedJudge
from realesr.perceptual.squeezenet import squeezenet

from support.images import textured_pair
from support.paths import shared


def test_a_batch_has_channels_first_in_0_to_1():
    pixels = np.array([[[0, 51, 255], [255, 0, 102]]], np.uint8)
    expected = [[[[0, 1]], [[0.2, 0]], [[1, 0.4]]]]
    np.testing.assert_allclose(as_batch(pixels).numpy(), expected)
    np.testing.assert_allclose(as_batch(pixels.astype(np.uint16) * 257).numpy(), expected)


def test_a_judge_compares_features():
    judge = FeatureJudge(lambda batch: {"colors": batch})
    first, second = textured_pair(40, 50)
    assert judge(first, first) == 0
    assert judge(first, second) > 0
    assert judge(first, second) == pytest.approx(judge(second, first))


@pytest.mark.parametrize("name", BACKBONES)
def test_published_measures_say_what_is_missing(name, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torchmetrics.image", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        PublishedJudge(name)
    monkeypatch.undo()
    pytest.importorskip("torchmetrics")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(MissingWeightsError, match=r"checkpoints.*\.pth: put the file of https://"):
        PublishedJudge(name)
    weights = getattr(importlib.import_module("torchvision").models, BACKBONES[name]).DEFAULT
    other = tmp_path / "checkpoints" / weights.url.rsplit("/", 1)[1]
    other.parent.mkdir()
    other.write_bytes(b"weights of another network")
    with pytest.raises(UnsupportedCheckpointError, match=r"does not begin with [0-9a-f]{8}\."):
        PublishedJudge(name)


@pytest.mark.parametrize("name", ["lpips-squeeze", pytest.param("dists", marks=pytest.mark.slow)])
def test_published_measures_compute_with_a_backbone(name, monkeypatch, tmp_path):
    """The backbone is a random one: its published file is not at hand."""
    pytest.importorskip("torchmetrics")
    import torchvision

    folder = tmp_path / "checkpoints"
    folder.mkdir()
    weights = getattr(torchvision.models, BACKBONES[name]).DEFAULT
    file = folder / weights.url.rsplit("/", 1)[1]
    file.touch()
    network = {"lpips-squeeze": "squeezenet1_1", "dists": "vgg16"}[name]
    torch.manual_seed(0)
    state = getattr(torchvision.models, network)(weights=None).features.state_dict()
    state = {f"features.{key}": value for key, value in state.items()}
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(
        "realesr.perceptual.published.sha256_of", lambda path: path.stem.rpartition("-")[2]
    )
    monkeypatch.setattr(type(weights), "get_state_dict", lambda self, **_: state)
    load = torch.nn.Module.load_state_dict
    monkeypatch.setattr(
        torch.nn.Module, "load_state_dict", lambda self, s, strict=True: load(self, s, strict=False)
    )
    judge = PublishedJudge(name)
    first, second = textured_pair(64, 80)
    assert judge(first, first) == pytest.approx(0, abs=1e-5)
    assert judge(first, second) > 1e-4
    assert judge(first, second) == pytest.approx(judge(first, second))
    if name == "lpips-squeeze":
        monkeypatch.undo()
        assert judge(first, second) == pytest.approx(lpips_by_hand(state, first, second), rel=1e-4)


def lpips_by_hand(backbone, first, second):
    """Equation 1 of Zhang et al., 2018, on this package's SqueezeNet with the fitted weights."""
    folder = Path(importlib.import_module("torchmetrics.functional.image").__file__).parent
    heads = torch.load(folder / "lpips_models/squeeze.pth", map_location="cpu")
    with TemporaryDirectory() as name:
        torch.save(backbone, Path(name, "s.pth"))
        features = squeezenet(Path(name, "s.pth"))
    total = 0.0
    layers = zip(*(features(as_batch(each)).values() for each in (first, second)), strict=True)
    for number, pair in enumerate(layers):
        one, other = (f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10) for f in pair)
        head = heads[f"lin{number}.model.1.weight"]
        total += float(((one - other).square() * head).sum(1).mean())
    return total


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_the_fitted_weights_of_lpips_are_the_published_ones(net):
    published = torch.load(shared(f"weights/lpips/v0.1_{net}.pth"), map_location="cpu")
    pytest.importorskip("torchmetrics")
    folder = Path(importlib.import_module("torchmetrics.functional.image").__file__).parent
    ours = torch.load(folder / f"lpips_models/{net}.pth", map_location="cpu")
    assert ours.keys() == published.keys()
    assert all(torch.equal(ours[name], published[name]) for name in ours)
