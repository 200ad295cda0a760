import errno
import os

import numpy as np
import pytest
import torch

from realesr.errors import InvalidOptionError
from realesr.training.teacher import TeacherOutputs, lock_color


def patch_of(index):
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
    outputs(path).fill(patch_of, counted)
    again = outputs(path)
    assert again.done == len(again) == 3
    again.fill(patch_of, counted)
    assert calls == [0, 1, 2]
    assert [again[i][0, 0, 0] for i in range(3)] == [0, 1, 2]


def test_an_interrupted_computation_goes_on(tmp_path):
    path = tmp_path / "teacher.npy"

    def breaks(lr):
        if lr[0, 0, 0] == 70:
            raise KeyboardInterrupt
        return upscale(lr)

    with pytest.raises(KeyboardInterrupt):
        outputs(path, 80).fill(patch_of, breaks)
    half = outputs(path, 80)
    assert half.done == 64
    told = []
    half.fill(patch_of, upscale, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(80, 80)]
    assert [half[i][0, 0, 0] for i in range(80)] == list(range(80))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no such call on this system")
def test_a_full_disk_is_told_before_anything_is_computed(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "teacher.npy"
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(InvalidOptionError, match=r"teacher\.npy: .*: make room there"):
            outputs(path)
    outputs(path).fill(patch_of, upscale)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InvalidOptionError, match=r"teacher\.npy is damaged .*: delete it"):
        outputs(path)


def test_outputs_of_another_teacher_are_refused(tmp_path):
    path = tmp_path / "teacher.npy"
    outputs(path)
    with pytest.raises(InvalidOptionError, match=r"teacher\.npy holds outputs of another teacher"):
        outputs(path, teacher="b")


def test_the_lock_takes_a_color_shift_away_and_keeps_detail():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    smooth = 0.5 + 0.15 * torch.sin(x / 20) * torch.cos(y / 20)
    hr = smooth.expand(2, 3, 64, 64)
    detail = ((x + y) % 2) / 16 - 1 / 32
    shifted = hr + detail + torch.tensor([0.02, -0.015, 0.01])[:, None, None]
    locked = lock_color(shifted, hr, 4)
    assert (shifted - hr).mean((0, 2, 3)).abs().max() > 0.01
    assert (locked - hr).mean((0, 2, 3)).abs().max() < 4e-4
    assert 0.9 < (locked - hr).std() / detail.std() < 1.1


def test_another_number_of_patches_is_another_file(tmp_path):
    path = tmp_path / "teacher.npy"
    TeacherOutputs(path, 3, 8, {"patches": 3})
    with pytest.raises(InvalidOptionError, match="other patches"):
        TeacherOutputs(path, 4, 8, {"patches": 4})
