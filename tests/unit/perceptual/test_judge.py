import sys

import numpy as np
import pytest
import torch

from realesr.errors import MissingExtraError, MissingWeightsError
from realesr.perceptual.judge import FeatureJudge, as_batch
from realesr.perceptual.published import BACKBONES, PublishedJudge

from support.images import textured_pair


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
