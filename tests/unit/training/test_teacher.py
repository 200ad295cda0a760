import numpy as np
import pytest

from realesr.errors import InvalidOptionError
from realesr.training.teacher import TeacherOutputs, lock_color


def patch(index):
    return np.full((4, 4, 3), index / 255, np.float32)


def upscale(lr):
    return np.kron(lr, np.ones((2, 2, 1), np.uint8))


def outputs(path, count=3, teacher="a") -> TeacherOutputs:
    return TeacherOutputs(path, count, 8, {"teacher": teacher})


def test_outputs_are_computed_once(tmp_path):
    calls = []

    def counted(lr):
        calls.append(lr[0, 0, 0])
        return upscale(lr)

    path = tmp_path / "teacher.npy"
    outputs(path).fill(patch, counted, color_lock=False)
    again = outputs(path)
    assert again.done == len(again) == 3
    again.fill(patch, counted, color_lock=False)
    assert calls == [0, 1, 2]
    assert [again[i][0, 0, 0] for i in range(3)] == [0, 1, 2]


def test_an_interrupted_computation_goes_on(tmp_path):
    path = tmp_path / "teacher.npy"

    def breaks(lr):
        if lr[0, 0, 0] == 70:
            raise KeyboardInterrupt
        return upscale(lr)

    with pytest.raises(KeyboardInterrupt):
        outputs(path, 80).fill(patch, breaks, color_lock=False)
    half = outputs(path, 80)
    assert half.done == 64
    told = []
    half.fill(
        patch, upscale, color_lock=False, on_progress=lambda done, total: told.append((done, total))
    )
    assert told == [(80, 80)]
    assert [half[i][0, 0, 0] for i in range(80)] == list(range(80))


def test_outputs_of_another_teacher_are_refused(tmp_path):
    path = tmp_path / "teacher.npy"
    outputs(path)
    with pytest.raises(InvalidOptionError, match=r"teacher\.npy holds outputs of another teacher"):
        outputs(path, teacher="b")


def test_the_lock_takes_a_color_shift_away_and_keeps_detail():
    rng = np.random.default_rng(0)
    lr = cv_smooth(rng)
    sr = np.kron(lr, np.ones((4, 4, 1), np.uint8))
    detail = (np.indices(sr.shape[:2]).sum(0) % 2 * 16)[..., None] - 8
    shifted = np.clip(sr.astype(int) + detail + (6, -4, 3), 0, 255).astype(np.uint8)
    locked = lock_color(shifted, lr).astype(float)
    assert np.abs((shifted - sr.astype(float)).mean((0, 1))).max() > 3
    assert np.abs((locked - sr).mean((0, 1))).max() < 0.1
    difference = locked[..., 0] - sr[..., 0]
    assert 7 < difference.std() < 9


def cv_smooth(rng):
    """Returns a smooth image away from black and white, (16, 16, 3)."""
    y, x = np.mgrid[0:16, 0:16]
    planes = [128 + 40 * np.sin(x / 5 + rng.uniform(0, 6)) * np.cos(y / 5) for _ in range(3)]
    return np.stack(planes, axis=2).astype(np.uint8)


def test_another_number_of_patches_is_another_file(tmp_path):
    path = tmp_path / "teacher.npy"
    TeacherOutputs(path, 3, 8, {"patches": 3})
    with pytest.raises(InvalidOptionError, match="other patches"):
        TeacherOutputs(path, 4, 8, {"patches": 4})
