import cv2
import numpy as np
import pytest
import torch

from realesr.degradation.levels import LEVELS
from realesr.degradation.pipeline import DegradationConfig
from realesr.errors import InvalidOptionError
from realesr.media.images.index import index_images
from realesr.training.dataset import PatchDataset, StepSampler
from realesr.training.store import ImageStore


def store(folder, images) -> ImageStore:
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        cv2.imwrite(str(folder / f"{index}.png"), image[..., ::-1])
    return ImageStore(index_images(folder), cache_bytes=2**24, sharpen=False)


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    return store(tmp_path, [rng.integers(0, 256, (90, 100, 3), np.uint8) for _ in range(3)])


def dataset(*stores, shares=None, **changes) -> PatchDataset:
    options = {"lr_size": 12, "margin": 2, "seed": 3, **changes}
    damage = options.pop("damage", ((DegradationConfig(), 1.0),))
    return PatchDataset(stores, shares or [1.0] * len(stores), damage, **options)


def test_a_pair_has_the_promised_shape_and_range(images):
    lr, hr, taught = dataset(images)[0]
    assert lr.shape == (3, 12, 12)
    assert hr.shape == (3, 48, 48)
    assert lr.dtype == hr.dtype == torch.float32
    assert taught.numel() == 0
    for tensor in (lr, hr):
        assert 0 <= tensor.min() < tensor.max() <= 1


def test_items_depend_on_seed_and_index_alone(images):
    first, again, other = dataset(images), dataset(images), dataset(images, seed=4)
    _ = again[0]
    assert torch.equal(first[7][0], again[7][0])
    assert not torch.equal(first[7][1], first[8][1])
    assert not torch.equal(first[7][1], other[7][1])


def test_the_pair_is_aligned(tmp_path):
    """A smooth ramp survives the damage: the low-resolution patch shows the same place."""
    y, x = np.mgrid[0:96, 0:96]
    ramp = np.stack([x * 2.6, y * 2.6, x + y], axis=2).astype(np.uint8)
    pairs = dataset(store(tmp_path, [ramp]), lr_size=16, margin=2)
    for index in range(20):
        lr, hr, _ = pairs[index]
        reduced = torch.nn.functional.avg_pool2d(hr[None], 4)[0]
        assert (lr - reduced).mean().abs() < 0.03
        assert (lr - reduced).abs().mean() < 0.12


def test_zoomed_patches_show_more_of_an_image(tmp_path):
    """On a ramp the step from px to px tells by how much the image was reduced."""
    y, x = np.mgrid[0:120, 0:120]
    ramp = np.stack([x * 2, y * 2, x + y], axis=2).astype(np.uint8)
    pairs = dataset(store(tmp_path, [ramp]), lr_size=12, margin=2, smallest_zoom=0.6)
    steps = []
    for index in range(40):
        _, hr, _ = pairs[index]
        red = hr[0] if (hr[0, 0] - hr[0, 0, 0]).abs().sum() > 0.1 else hr[0].T
        steps.append(float((red[0, -1] - red[0, 0]).abs()) * 255 / 47 / 2)
    assert 0.98 < min(steps) < 1.1
    assert 1.5 < max(steps) < 1 / 0.6 + 0.05


def test_recolored_patches_have_other_channels_and_gammas(tmp_path):
    image = np.empty((90, 90, 3), np.uint8)
    image[:] = 40, 120, 200
    flat = store(tmp_path, [image])
    colors = {tuple(sorted(dataset(flat, recolor=1.0)[i][1][:, 0, 0].tolist())) for i in range(6)}
    assert len(colors) == 6
    orders = {
        tuple(dataset(flat, recolor=1.0)[i][1][:, 0, 0].argsort().tolist()) for i in range(30)
    }
    assert len(orders) == 6
    original = np.array([40, 120, 200], np.float32) / 255
    changed = sum(
        not np.allclose(dataset(flat, recolor=0.5)[i][1][:, 0, 0], original) for i in range(60)
    )
    assert 15 < changed < 45


def test_sources_and_levels_are_drawn_by_their_shares(tmp_path):
    black = store(tmp_path / "black", [np.zeros((80, 80, 3), np.uint8)])
    white = store(tmp_path / "white", [np.full((80, 80, 3), 255, np.uint8)])
    pairs = dataset(black, white, shares=[1, 3], damage=((LEVELS["clean"], 1.0),))
    drawn = [pairs[index][1].mean().item() for index in range(200)]
    assert set(drawn) == {0.0, 1.0}
    assert 0.68 < np.mean(drawn) < 0.82  # two standard deviations around 0.75

    gray = store(tmp_path / "gray", [np.full((80, 80, 3), 128, np.uint8)])
    mixed = dataset(gray, damage=((LEVELS["clean"], 0.75), (LEVELS["paper"], 0.25)))
    untouched = [mixed[index][0].std().item() < 1e-6 for index in range(200)]
    assert 0.68 < np.mean(untouched) < 0.82


def test_images_without_room_are_left_out(images):
    with pytest.raises(InvalidOptionError, match="256 px"):
        dataset(images, lr_size=60)


class Outputs:
    """Stands for a teacher that has given every patch its number."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return np.full((48, 48, 3), 10 * index, np.uint8)


def test_with_a_teacher_its_patches_come_again_turned_together(images):
    plain, taught = dataset(images), dataset(images, teacher=Outputs())
    seen = set()
    for index in range(40):
        lr, hr, output = taught[index]
        base = round(output.mean().item() * 255 / 10)
        seen.add(base)
        expected_lr, expected_hr, _ = plain[base]
        turned = [
            (torch.rot90(a, k, (1, 2)), torch.rot90(b, k, (1, 2)))
            for k in range(4)
            for a, b in ((expected_lr, expected_hr), (expected_lr.flip(2), expected_hr.flip(2)))
        ]
        assert any(torch.equal(lr, a) and torch.equal(hr, b) for a, b in turned)
    assert seen == set(range(5))


def test_the_sampler_goes_on_where_it_is_told():
    sampler = StepSampler(5, 7, 3)
    assert list(sampler) == [[15, 16, 17], [18, 19, 20]]
    assert len(sampler) == 2


def test_two_processes_share_the_batch_of_one():
    whole = list(StepSampler(2, 4, 6))
    parts = [list(StepSampler(2, 4, 3, rank=rank, world_size=2)) for rank in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole
