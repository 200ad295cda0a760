import sys
from types import ModuleType
from typing import ClassVar

import pytest
import torch

from realesr.errors import TrainingError
from realesr.training import log as log_module
from realesr.training.log import RunLog, StepTimer

VALUES = {"losses": {"l1": 0.5}, "validation": {"light": {"psnr": 30.0}}, "note": "no number"}


class Board:
    """Stands for TensorBoard's writer."""

    made: ClassVar[list] = []

    def __init__(self, folder):
        self.folder, self.scalars, self.is_closed = folder, [], False
        Board.made.append(self)

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def close(self):
        self.is_closed = True


@pytest.fixture
def board(monkeypatch):
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Board
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(Board, "made", [])
    return Board.made


def test_numbers_go_to_tensorboard_too(tmp_path, board):
    log = RunLog(tmp_path)
    log.write(7, **VALUES)
    log.close()
    (made,) = board
    assert made.folder == str(tmp_path / "tensorboard")
    assert made.scalars == [("losses/l1", 0.5, 7), ("validation/light/psnr", 30.0, 7)]
    assert made.is_closed


def test_what_writes_nothing_leaves_no_folder(tmp_path, board):
    RunLog(tmp_path).close()
    assert not board
    assert not list(tmp_path.iterdir())


def test_only_one_process_writes(tmp_path, board):
    log = RunLog(tmp_path, is_writer=False)
    log.write(7, **VALUES)
    log.close()
    assert not board
    assert not list(tmp_path.iterdir())


def test_without_tensorboard_there_are_lines_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    log = RunLog(tmp_path)
    log.write(7, **VALUES)
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_means_begin_anew_and_refuse_what_is_no_number(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    log = RunLog(tmp_path)
    for value in (1.0, 2.0):
        log.add({"l1": torch.tensor(value)})
    assert log.means(2) == {"l1": 1.5}
    assert log.means(3) == {}
    log.add({"l1": torch.tensor(float("nan"))})
    with pytest.raises(TrainingError, match=r"'l1'.*step 4"):
        log.means(4)


def test_seconds_are_those_of_the_steps_that_were_made(monkeypatch):
    """After a resumption in the middle of an interval there are fewer than ``log_every``."""
    clock = iter(range(100))
    monkeypatch.setattr(log_module.time, "perf_counter", lambda: float(next(clock)))
    timer = StepTimer()
    steps = timer.timed("data", iter("abc"))
    for _ in range(2):
        next(steps)
        with timer("forward"):
            pass
    assert timer.means() == {"data": 1.0, "forward": 1.0}
    next(steps)
    assert timer.means() == {"data": 1.0}
