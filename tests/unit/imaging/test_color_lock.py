"""The color lock: colors of the input, detail of the network."""

import cv2
import numpy as np
import pytest

from realesr.imaging.color_lock import lock_color


def smooth(height=40, width=52, seed=0):
    """An image without detail, uint8, away from black and white."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(60, 190, (5, 6, 3)).astype(np.float32)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.rint(large), 20, 235).astype(np.uint8)


def upscaled(lr, scale, detail=0):
    """An upscaling with a checkered pattern, as a network would invent it."""
    size = (lr.shape[1] * scale, lr.shape[0] * scale)
    sr = cv2.resize(lr, size, interpolation=cv2.INTER_LINEAR).astype(int)
    pattern = (np.indices(sr.shape[:2]).sum(0) % 2 * 2 - 1)[..., None] * detail
    return sr + pattern


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_a_shift_is_taken_away_and_detail_stays(dtype, scale):
    lr = smooth()
    factor = np.iinfo(dtype).max // 255
    right = upscaled(lr, scale, detail=6 if scale > 1 else 0)
    shifted = ((right + np.array((5, -3, 2))) * factor).astype(dtype)
    locked = shifted.copy()
    lock_color(locked, lr)
    error = locked.astype(float) / factor - right
    assert np.abs(error.mean((0, 1))).max() < 0.15
    assert error.std() < 1
    assert np.abs(shifted.astype(float) / factor - right).mean() > 3


def test_what_is_right_stays_as_it_is():
    lr = smooth()
    sr = upscaled(lr, 4).astype(np.uint8)
    before = sr.copy()
    lock_color(sr, lr)
    assert np.abs(sr.astype(int) - before).max() <= 1


def test_bands_do_not_show(monkeypatch):
    lr = smooth(70, 30)
    shifted = np.clip(upscaled(lr, 4) + 7, 0, 255).astype(np.uint8)
    whole, banded = shifted.copy(), shifted.copy()
    monkeypatch.setattr("realesr.imaging.color_lock._BAND_ROWS", 10_000)
    lock_color(whole, lr)
    monkeypatch.setattr("realesr.imaging.color_lock._BAND_ROWS", 7)
    lock_color(banded, lr)
    assert (whole == banded).all()


def test_color_blocks_of_the_input_do_not_come_back():
    """Blocks of 16 px, as JPEG has, that a network has smoothed."""
    lr = np.full((96, 96, 3), 120, np.uint8)
    blocks = (np.indices((96, 96)) // 16).sum(0) % 2 * 2 - 1
    lr[..., 0] += (6 * blocks).astype(np.int8).view(np.uint8)
    lr[..., 2] -= (14 * blocks).astype(np.int8).view(np.uint8)  # brightness hardly changes
    sr = np.full((384, 384, 3), 120, np.uint8)
    wide, narrow = sr.copy(), sr.copy()
    lock_color(wide, lr)
    lock_color(narrow, lr, chroma_sigma=2)
    steps = [np.abs(np.diff(each[..., 2].astype(int), axis=1)).sum() for each in (wide, narrow)]
    assert steps[0] < 0.4 * steps[1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2), (5, 130)])
def test_small_images(shape):
    lr = np.full((*shape, 3), 90, np.uint8)
    sr = np.full((shape[0] * 4, shape[1] * 4, 3), 97, np.uint8)
    lock_color(sr, lr)
    assert (sr == 90).all()


def test_nothing_runs_over():
    lr = np.zeros((8, 8, 3), np.uint8)
    sr = np.full((32, 32, 3), 3, np.uint8)
    lock_color(sr, lr)
    assert (sr == 0).all()
    deep = np.full((32, 32, 3), 65_000, np.uint16)
    lock_color(deep, np.full((8, 8, 3), 65_535, np.uint16))
    assert (deep == 65_535).all()


def test_what_white_paper_cannot_take_its_lines_do(monkeypatch):
    """The network makes lines darker; white around them cannot be raised above white."""
    lr = np.full((64, 64, 3), 255, np.uint8)
    lr[::2] = 150
    sr = lr.repeat(4, 0).repeat(4, 1)
    sr[sr < 255] -= 6
    once = sr.copy()
    lock_color(sr, lr)
    monkeypatch.setattr("realesr.imaging.color_lock._PASSES", 1)
    lock_color(once, lr)
    assert abs(lr.mean() - sr.mean()) < 0.5
    assert abs(lr.mean() - once.mean()) > 1.2
