import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from realesr.errors import InvalidOptionError
from realesr.metrics.niqe import NiqeParameters
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.training.recipe import ValidationConfig
from realesr.training.validation import Sample, Validator, build_validator

from support.training import make_data

CPU = torch.device("cpu")


def build(root, **changes) -> Validator:
    config = ValidationConfig(images="clean", **changes)
    return build_validator(
        config, data_root=root, find=lambda name: root / name, scale=2, device=CPU
    )


@pytest.fixture
def root(tmp_path):
    return make_data(tmp_path)


class Nearest(nn.Module):
    multiple_of = 1

    def forward(self, x):
        return nn.functional.interpolate(x, scale_factor=2)


def test_levels_are_measured_apart(root):
    validator = build(root, levels=("clean", "heavy"))
    found = validator.measure(validator.network(Nearest()))
    assert set(found) == {"clean", "heavy"}
    assert found["clean"]["psnr"] > found["heavy"]["psnr"] + 1
    assert found["clean"].keys() == {"psnr", "shift"}


def test_bicubic_is_its_own_reference(root):
    validator = build(root, levels=("light",))
    assert validator.measure(validator.bicubic())["light"]["shift"] == 0


def test_unknown_levels_and_empty_folders_are_named(root):
    with pytest.raises(InvalidOptionError, match="'lite' must be one of clean, light"):
        build(root, levels=("lite",))
    (root / "empty").mkdir()
    config = ValidationConfig(images="empty")
    with pytest.raises(InvalidOptionError, match="empty has no images"):
        build_validator(config, data_root=root, find=lambda n: root / n, scale=2, device=CPU)


@pytest.mark.parametrize(
    ("size", "changes", "least"),
    [((60, 7), {}, 10), ((1, 1), {}, 10), ((30, 60), {"efficientnet": 2}, 32)],
)
def test_an_image_that_is_too_small_is_named_at_the_start(root, size, changes, least):
    Image.new("RGB", size).save(root / "clean/small.png")
    width, height = size
    message = rf"small\.png has {width}x{height} px, and is measured from {least} px"
    with pytest.raises(InvalidOptionError, match=message):
        build(root, **changes)


@pytest.mark.parametrize("size", [(10, 10), (23, 59), (70, 41)])
def test_networks_that_take_multiples_see_every_image(tmp_path, size):
    (tmp_path / "clean").mkdir()
    Image.effect_noise(size, 40).convert("RGB").save(tmp_path / "clean/odd.png")
    validator = build(tmp_path, levels=("light",))
    small = RRDBNetConfig(num_feat=4, num_block=1, num_grow_ch=4, scale=2)
    assert validator.measure(validator.network(small.build().eval()))["light"]["psnr"] > 0


def test_an_image_that_niqe_cannot_judge_does_not_end_the_run():
    flat = np.full((200, 200, 3), 128, np.uint8)
    parameters = NiqeParameters(np.zeros(36), np.eye(36), np.full((7, 7), 1 / 49))
    sample = Sample("light", flat[::2, ::2], flat)
    validator = Validator([sample], {}, parameters, scale=2, device=CPU)
    assert "niqe" not in validator.measure(lambda lr: flat)["light"]


def test_the_sheet_has_a_row_for_each_sample_and_a_column_for_each_way(root, tmp_path):
    validator = build(root, levels=("light", "heavy"))
    path = tmp_path / "sheets/s.png"
    validator.sheet({"bicubic": validator.bicubic()}, 1, path)
    with Image.open(path) as sheet:
        assert sheet.size == (2 * (112 + 4), 2 * (96 + 4) + 20)
