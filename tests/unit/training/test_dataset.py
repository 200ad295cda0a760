import csv

import cv2
import numpy as np
import pytest
import torch

from realesr.degradation.pipeline import DegradationConfig
from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.training.dataset import (
    IndexSampler,
    PatchDataset,
    allowed_files,
    read_tar,
    sharpened,
)

from support.archives import make_tar
from support.paths import shared

LICENCES = ("CC0", "public domain", "MIT", "CC BY 4.0", "Unsplash licence")


def png(colour) -> bytes:
    bgr = np.full((20, 30, 3), colour[::-1], np.uint8)
    return cv2.imencode(".png", bgr)[1].tobytes()


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (90, 100, 3), np.uint8) for _ in range(3)]


def dataset(pictures, **changes) -> PatchDataset:
    options = {"lr_size": 12, "margin": 2, "seed": 3, **changes}
    return PatchDataset(pictures, DegradationConfig(), **options)


def test_only_allowed_pictures_are_read(tmp_path):
    tar = make_tar(
        tmp_path / "a.tar", {"x/red.png": png((255, 0, 0)), "x/blue.png": png((0, 0, 255))}
    )
    (picture,) = read_tar(tar, frozenset({"x/blue.png"}))
    assert picture.shape == (20, 30, 3)
    assert picture[0, 0].tolist() == [0, 0, 255]
    assert len(list(read_tar(tar, None))) == 2


def test_a_broken_member_is_named(tmp_path):
    tar = make_tar(tmp_path / "a.tar", {"x/broken.png": b"no picture"})
    with pytest.raises(UnreadableMediaError, match=r"a\.tar:x/broken\.png"):
        list(read_tar(tar, None))


def test_licences_are_denied_unless_named(tmp_path):
    manifest = tmp_path / "manifest.csv"
    rows = {
        "a": "CC0 1.0",
        "b": "CC BY-SA 4.0",
        "c": "GPL-2.0+/CC BY 4.0 per repository files",
        "d": "CC BY 4.0 (offered)",
        "e": "",
        "f": "LGPL-3.0 (MIT too, perhaps)",
    }
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "licence"), *rows.items()])
    assert allowed_files(manifest, LICENCES) == {"a", "d"}


def test_no_share_alike_picture_of_the_shared_set_is_allowed():
    manifest = shared("train/manifest.csv")
    allowed = allowed_files(manifest, LICENCES)
    assert len(allowed) == 438
    with manifest.open(newline="") as file:
        licences = {row["licence"] for row in csv.DictReader(file) if row["file"] in allowed}
    assert not any(word in licence for licence in licences for word in ("-SA", "GPL"))


def test_a_pair_has_the_promised_shape_and_range(pictures):
    lr, hr = dataset(pictures)[0]
    assert lr.shape == (3, 12, 12)
    assert hr.shape == (3, 48, 48)
    assert lr.dtype == hr.dtype == torch.float32
    for tensor in (lr, hr):
        assert 0 <= tensor.min() < tensor.max() <= 1


def test_items_depend_on_seed_and_index_alone(pictures):
    first, again, other = dataset(pictures), dataset(pictures), dataset(pictures, seed=4)
    _ = again[0]
    assert torch.equal(first[7][0], again[7][0])
    assert not torch.equal(first[7][1], first[8][1])
    assert not torch.equal(first[7][1], other[7][1])


def test_the_pair_is_aligned():
    """A smooth ramp survives the damage: the low-resolution patch shows the same place."""
    y, x = np.mgrid[0:96, 0:96]
    ramp = np.stack([x * 2.6, y * 2.6, x + y], axis=2).astype(np.uint8)
    pairs = dataset([ramp], lr_size=16, margin=2)
    for index in range(20):
        lr, hr = pairs[index]
        reduced = torch.nn.functional.avg_pool2d(hr[None], 4)[0]
        assert (lr - reduced).mean().abs() < 0.03
        assert (lr - reduced).abs().mean() < 0.12


def test_pictures_without_room_are_left_out(pictures):
    with pytest.raises(InvalidOptionError, match="256 px"):
        dataset(pictures, lr_size=60)


def test_sharpened_keeps_type_and_size(pictures):
    result = sharpened(pictures[0])
    assert result.shape == pictures[0].shape
    assert result.dtype == np.uint8
    assert (result != pictures[0]).any()


def test_sampler_goes_on_where_it_is_told():
    sampler = IndexSampler(5, 9)
    assert list(sampler) == [5, 6, 7, 8]
    assert len(sampler) == 4
