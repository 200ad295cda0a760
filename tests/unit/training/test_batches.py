from dataclasses import replace

import pytest
import torch

from realesr.degradation.levels import LEVELS
from realesr.training.batches import DeviceDamage, PairPool


def numbered(step, size=2):
    values = torch.arange(step * size, step * size + size, dtype=torch.float32) / 255
    return [values.reshape(-1, 1, 1, 1), values.reshape(-1, 1, 1, 1).clone()]


def test_the_pool_fills_then_mixes_and_loses_nothing():
    pool = PairPool(6, seed=0)
    given = [pool.exchange(step, numbered(step)) for step in range(40)]
    for step in range(3):
        assert torch.equal(given[step][0], numbered(step)[0])
    later = torch.cat([each[0].flatten() for each in given[3:]]) * 255
    assert len(set(later.tolist())) == len(later)
    assert not torch.equal(later, later.sort().values)
    for each in given:
        assert torch.equal(*each), "pairs stay together"


def test_a_pool_goes_on_from_a_checkpoint():
    whole, half = PairPool(4, seed=1), PairPool(4, seed=1)
    for step in range(5):
        whole.exchange(step, numbered(step))
        half.exchange(step, numbered(step))
    resumed = PairPool(4, seed=1)
    resumed.load_state_dict(half.state_dict())
    for step in range(5, 9):
        expected, actual = (p.exchange(step, numbered(step)) for p in (whole, resumed))
        assert all(torch.equal(a, b) for a, b in zip(expected, actual, strict=True))


@pytest.mark.parametrize("step", [0, 7])
def test_what_is_given_is_no_view_of_what_is_kept(step):
    pool = PairPool(2, seed=1)
    first = numbered(0)
    pool.exchange(0, first)
    given = pool.exchange(step + 1, numbered(1))
    given[0].fill_(9)
    again = pool.exchange(step + 2, numbered(2))
    assert again[0].max() < 1


def test_groups_share_their_damage_and_steps_repeat_it():
    first = replace(LEVELS["heavy"].first, noise_probability=0.0)
    level = replace(LEVELS["heavy"], order=1, first=first)
    damage = DeviceDamage([(level, 1.0)], groups=2, margin=2, seed=3, rank=0)
    clean = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1)).repeat(4, 1, 1, 1)
    lr, hr = damage(7, clean)
    assert (lr.shape, hr.shape) == ((4, 3, 8, 12), (4, 3, 32, 48))
    assert torch.equal(hr, clean[..., 8:-8, 8:-8])
    assert torch.equal(lr[0], lr[1])
    assert torch.equal(lr[2], lr[3])
    assert not torch.equal(lr[1], lr[2])
    assert torch.equal(lr, damage(7, clean)[0])
    assert not torch.equal(lr, damage(8, clean)[0])
    other = DeviceDamage([(level, 1.0)], groups=2, margin=2, seed=3, rank=1)
    assert not torch.equal(lr, other(7, clean)[0])
