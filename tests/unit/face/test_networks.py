"""The real networks with random values, in the files' official form; nothing is downloaded."""

import sys

import numpy as np
import pytest
import torch

from realesr.errors import MissingExtraError, UnsupportedCheckpointError
from realesr.face import networks
from realesr.face.alignment import SIDE
from realesr.face.compatibility import restore_removed_torchvision_module
from realesr.face.networks import FaceParser, Restorer

from support.faces import needs_extra, random_gfpgan, random_parsenet

CPU = "cpu"
FACE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


@pytest.fixture(scope="module")
def gfpgan(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "GFPGANv1.3.pth"
    random_gfpgan(path)
    return path


@needs_extra("gfpgan")
def test_gfpgan_and_spandrel_restore_alike(gfpgan, monkeypatch):
    (one,) = Restorer(gfpgan, CPU)([FACE])
    monkeypatch.setattr(networks.importlib.util, "find_spec", lambda name: None)
    (other,) = Restorer(gfpgan, CPU)([FACE])
    assert one.shape == (SIDE, SIDE, 3)
    assert one.dtype == np.uint8
    assert one.std() > 5, "random values that say something"
    assert abs(one.astype(int) - other).max() <= 1


def test_the_same_face_is_restored_alike_twice_and_in_a_batch(gfpgan):
    """GFPGAN's noise is random by default, and would flicker."""
    restore = Restorer(gfpgan, CPU)
    mirrored = np.ascontiguousarray(FACE[:, ::-1])
    (alone,) = restore([FACE])
    first, second = restore([FACE, mirrored])
    assert abs(alone.astype(int) - first).max() <= 1
    assert (abs(first.astype(int) - second) > 3).any()


@pytest.mark.parametrize(
    "state",
    [{"a": torch.zeros(1)}, {"toRGB.0.weight": torch.zeros(1)}],
    ids=["something else", "GFPGAN in part"],
)
def test_other_weights_are_refused(tmp_path, state):
    path = tmp_path / "other.pth"
    torch.save({"params_ema": state}, path)
    with pytest.raises(UnsupportedCheckpointError, match=str(path)):
        Restorer(path, CPU)


@needs_extra("facexlib")
def test_parsenet_gives_a_soft_mask(tmp_path):
    path = tmp_path / "parsing_parsenet.pth"
    random_parsenet(path)
    (mask,) = FaceParser(path, CPU)([FACE])
    assert mask.shape == (SIDE, SIDE)
    assert mask.dtype == np.float32
    assert 0 <= mask.min() < mask.max() <= 1
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(UnsupportedCheckpointError, match="ParseNet"):
        FaceParser(path, CPU)


def test_a_package_that_is_missing_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "facexlib", None)
    monkeypatch.setitem(sys.modules, "facexlib.parsing.parsenet", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'realesr\[face\]'"):
        FaceParser(tmp_path / "none", CPU)


@needs_extra("gfpgan")
def test_restoreformer_is_told_by_its_parameters(tmp_path, capsys):
    restore_removed_torchvision_module()
    from gfpgan.archs.restoreformer_arch import RestoreFormer

    torch.manual_seed(0)
    path = tmp_path / "RestoreFormer.pth"
    torch.save({"params": RestoreFormer().state_dict()}, path)
    capsys.readouterr()
    (restored,) = Restorer(path, CPU)([FACE])
    assert capsys.readouterr().out == "", "an image may be on its way there"
    assert restored.shape == (SIDE, SIDE, 3)
