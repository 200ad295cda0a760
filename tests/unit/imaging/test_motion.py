"""What two frames have in common: movement, noise, cuts."""

import numpy as np
import pytest

from realesr.imaging.motion import View, continued, gate, movement

from support.images import textured_pair


def view(pixels, seed, deviation=3.0):
    noise = np.random.default_rng(seed).normal(0, deviation, pixels.shape)
    return View.of(np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def clean():
    wide, _ = textured_pair(64, 120)
    wide[:, :30] = 120  # a flat place
    return wide


@pytest.mark.parametrize("deviation", [0.0, 3.0, 8.0])
def test_noise_does_not_move_and_passes_the_gate(clean, deviation):
    now, before = view(clean, 1, deviation), view(clean, 2, deviation)
    flow = movement(now, before)
    assert flow[:, 45:].any(axis=2).mean() < 0.05  # flat places have nothing to follow
    assert gate(now, before, flow).mean() > 0.9


def test_movement_is_found_and_continued(clean):
    views = [view(clean[:, 3 * n : 3 * n + 100], n, 1) for n in range(3)]
    first, second = movement(views[1], views[0]), movement(views[2], views[1])
    far = continued(second, first)
    inner = np.s_[16:-16, 40:-16]
    assert np.median(first[inner][..., 0]) == pytest.approx(3, abs=0.3)
    assert np.median(far[inner][..., 0]) == pytest.approx(6, abs=0.5)
    assert gate(views[2], views[0], far)[inner].mean() > 0.5


def test_something_new_is_kept_out_and_the_rest_passes(clean):
    changed = clean.copy()
    changed[20:40, 60:80] = 250
    matching = gate(view(changed, 1), view(clean, 2), np.zeros((*clean.shape[:2], 2), np.float32))
    assert matching[22:38, 62:78].max() == 0
    assert matching[:, :50].mean() > 0.9


def test_a_new_scene_matches_nothing(clean):
    other = np.ascontiguousarray(clean[::-1, ::-1])
    still = np.zeros((*clean.shape[:2], 2), np.float32)
    assert gate(view(255 - other, 1), view(clean, 2), still) is None


def test_deep_frames_look_as_shallow_ones(clean):
    shallow, deep = View.of(clean), View.of(clean.astype(np.uint16) * 257)
    assert (shallow.gray == deep.gray).all()
    assert np.abs(shallow.colors - deep.colors).max() < 1e-3
