"""Steady details: less flicker, no ghosts, and the same bits wherever a run begins."""

import cv2
import numpy as np
import pytest

from realesr.imaging.steady import HELD, PREROLL, WINDOW, Steadier

from support.images import textured_pair

SCALE = 4


def upscaled(lr, seed):
    """A plain upscaling with details that are new for every frame, as a network's."""
    large = cv2.resize(lr, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).normal(0, 8, large.shape)
    peak = np.iinfo(lr.dtype).max
    return np.clip(large + noise * peak / 255, 0, peak).astype(lr.dtype)


def noisy(clean, seed, sigma=3.0):
    noise = np.random.default_rng(1000 + seed).normal(0, sigma, clean.shape)
    return np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def still():
    """Twelve frames of a texture that does not move, with fresh noise, and their results."""
    clean, _ = textured_pair(36, 48)
    lr = [noisy(clean, n) for n in range(12)]
    return lr, [upscaled(clean, n) for n in range(12)]


def deviation(frames):
    return float(np.std(np.stack(frames).astype(np.float64), axis=0).mean())


def test_details_of_a_still_picture_vary_less_than_half(still):
    lr, sr = still
    steadier = Steadier()
    results = [steadier(one, other) for one, other in zip(lr, sr, strict=True)]
    assert deviation(results[WINDOW:]) < 0.5 * deviation(sr[WINDOW:])
    assert (results[0] == sr[0]).all()


def test_sources_and_results_stay_as_they_are_and_are_not_shared(still):
    lr, sr = still
    copies = [sr[0].copy(), sr[1].copy()]
    steadier = Steadier()
    results = [steadier(lr[0], sr[0]), steadier(lr[1], sr[1])]
    assert all((one == other).all() for one, other in zip(sr, copies, strict=False))
    assert not any(np.may_share_memory(one, other) for one, other in zip(sr, results, strict=False))


def test_brightness_follows_the_frame_at_once(still):
    """A lamp that is switched on, by less than noise: texture is averaged, brightness is not."""
    lr, sr = still
    steadier = Steadier()
    for one, other in zip(lr[:5], sr[:5], strict=True):
        steadier(one, other)
    brighter = np.clip(sr[5].astype(int) + 3, 0, 255).astype(np.uint8)
    result = steadier(lr[5], brighter)
    assert np.abs(result.astype(float) - sr[5]).mean() > 1  # details have changed
    inner = (slice(30, -30), slice(30, -30))
    assert result[inner].mean() - sr[5][inner].mean() == pytest.approx(3, abs=0.15)


def test_a_moving_thing_leaves_no_ghost():
    """A light square crosses a dark ground: where it was, nothing of it is left."""
    steadier = Steadier()
    for n in range(6):
        lr = np.full((64, 96, 3), 40, np.uint8)
        lr[20:44, 8 + 12 * n : 24 + 12 * n] = 220
        lr = noisy(lr, n, 2)
        sr = cv2.resize(lr, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
        result = steadier(lr, sr)
        plain = cv2.GaussianBlur(sr, (0, 0), 4).astype(int)
        assert np.abs(cv2.GaussianBlur(result, (0, 0), 4).astype(int) - plain).max() <= 4


def test_movement_is_followed():
    """A texture that moves by 3 px a frame keeps its sharpness, and flickers less along it."""
    wide, _ = textured_pair(96, 200)
    steadier, plain, steady = Steadier(), [], []
    for n in range(8):
        lr = np.ascontiguousarray(wide[:, 3 * n : 3 * n + 120])
        sr = upscaled(lr, n)
        clean = cv2.resize(lr, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
        error = steadier(lr, sr).astype(float) - clean
        inner = (slice(40, -40), slice(60, -60))
        plain.append(np.sqrt(np.mean((sr.astype(float) - clean)[inner] ** 2)))
        steady.append(np.sqrt(np.mean(error[inner] ** 2)))
    assert np.mean(steady[WINDOW:]) < 0.75 * np.mean(plain[WINDOW:])


def test_nothing_passes_a_cut(still):
    lr, sr = still
    other = 255 - np.ascontiguousarray(lr[0][::-1, ::-1])
    steadier = Steadier()
    for one, result in zip(lr[:5], sr[:5], strict=True):
        steadier(one, result)
    large = upscaled(other, 99)
    assert (steadier(other, large) == large).all()


@pytest.mark.parametrize("start", [1, 3, 5, 6, 8, 9, 10, 11, 13, 14, 17, 20, 22])
def test_a_run_that_begins_later_gives_the_same_bits(still, start):
    """Pieces: frames before the first one are seen, without results, and all agree from then on."""
    runs = [1, 1, 2, 1, HELD + 1, 1, HELD + 2, 1, PREROLL + 3, 2, 1, 3]
    order = [n for n, length in enumerate(runs) for _ in range(length)]
    whole = passed(still, order, 0)
    part = passed(still, order, max(0, start - PREROLL))
    assert all((whole[n] == part[n]).all() for n in range(start, len(order)))


def passed(still, order, first):
    """The results of the frames from one on, by their numbers."""
    steadier, results, result, before = Steadier(), {}, None, None
    for number, each in enumerate(order[first:], start=first):
        if each == before:
            changed = steadier.repeat()
            result = result if changed is None else changed
        else:
            result = steadier(still[0][each], still[1][each])
        before = each
        results[number] = result
    return results


def test_a_frame_that_stays_is_held_and_then_the_networks_own(still):
    lr, sr = still
    steadier = Steadier()
    steadier(lr[0], sr[0])
    assert (steadier(lr[1], sr[1]) != sr[1]).any()
    assert [steadier.repeat() for _ in range(HELD)] == [None] * HELD
    assert (steadier.repeat() == sr[1]).all()
    assert steadier.repeat() is None


def test_sixteen_bits_as_eight(still):
    lr, sr = still
    shallow, deep = Steadier(), Steadier()
    for one, other in zip(lr[:4], sr[:4], strict=True):
        eight = shallow(one, other)
        sixteen = deep(one.astype(np.uint16) * 257, other.astype(np.uint16) * 257)
    assert sixteen.dtype == np.uint16
    assert np.abs(sixteen / 257 - eight).max() < 2


def test_gray_stays_gray(still):
    lr, sr = ([np.repeat(each[..., :1], 3, axis=2) for each in part] for part in still)
    steadier = Steadier()
    for one, other in zip(lr, sr, strict=True):
        result = steadier(one, other)
    assert (result[..., 0] == result[..., 1]).all()
    assert (result[..., 0] == result[..., 2]).all()


@pytest.mark.parametrize("size", [(192, 144), (191, 139), (72, 54), (48, 36), (31, 20)])
def test_results_of_any_size_in_bands(still, size, monkeypatch):
    lr, sr = still
    sr = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in sr]
    results = []
    for rows in (3, 1000):
        monkeypatch.setattr("realesr.imaging.steady._BAND_ROWS", rows)
        steadier = Steadier()
        results.append([steadier(one, other) for one, other in zip(lr, sr, strict=True)])
    assert deviation(results[0][WINDOW:]) < 0.55 * deviation(sr[WINDOW:])
    assert np.abs(np.stack(results[0]).astype(int) - np.stack(results[1])).max() <= 1


def test_frames_that_change_their_size_begin_anew(still):
    lr, sr = still
    steadier = Steadier()
    steadier(lr[0], sr[0])
    smaller, result = np.ascontiguousarray(lr[1][:30]), np.ascontiguousarray(sr[1][:120])
    assert (steadier(smaller, result) == result).all()
    assert (steadier(smaller, np.ascontiguousarray(result[:90])) == result[:90]).all()


def test_tiny_frames_are_left_alone():
    lr, sr = np.zeros((15, 40, 3), np.uint8), np.ones((60, 160, 3), np.uint8)
    steadier = Steadier()
    assert steadier(lr, sr) is sr
    assert steadier.repeat() is None


def test_threads_change_nothing(still):
    lr, sr = still
    results, threads = [], cv2.getNumThreads()
    try:
        for count in (1, 4):
            cv2.setNumThreads(count)
            steadier = Steadier()
            results.append([steadier(*pair) for pair in zip(lr, sr, strict=True)][-1])
    finally:
        cv2.setNumThreads(threads)
    assert (results[0] == results[1]).all()
