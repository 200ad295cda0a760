"""Logs of a run: lines of JSON, and TensorBoard if it is installed."""

from __future__ import annotations

import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from realesr.errors import TrainingError
from realesr.reasons import reason_of


class StepTimer:
    """Adds up the seconds of the parts of a step."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._steps = 0

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Adds the time in the context; a GPU's work counts in the part that waits for it."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[part] += time.perf_counter() - started

    def timed(self, part: str, items: Iterator[Any]) -> Iterator[Any]:
        """Yields the items, one a step, and adds the time of waiting for them."""
        while True:
            with self(part):
                item = next(items, None)
            if item is None:
                return
            self._steps += 1
            yield item

    def means(self) -> dict[str, float]:
        """Returns the seconds per step of each part since the last call, and resets the sums."""
        found = {part: round(total / self._steps, 4) for part, total in self._seconds.items()}
        self._seconds.clear()
        self._steps = 0
        return found


class RunLog:
    """Collects losses, and writes their means.

    Args:
        folder: Receives ``log.jsonl`` and TensorBoard's files.
        is_writer: Whether this process writes at all.
    """

    def __init__(self, folder: Path, *, is_writer: bool = True) -> None:
        self._path = folder / "log.jsonl"
        self._is_writer = is_writer
        self._sums: dict[str, Tensor] = {}
        self._counts: Counter[str] = Counter()
        self._board: Any = None

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Adds the losses of a step, without synchronizing with a GPU."""
        for name, value in losses.items():
            kept = value.detach().float()
            self._sums[name] = self._sums[name] + kept if name in self._sums else kept
            self._counts[name] += 1

    def means(self, step: int) -> dict[str, float]:
        """Returns the means since the last call, and resets the sums.

        Raises:
            TrainingError: A loss is not finite.
        """
        self.check(step)
        found = {name: sum_.item() / self._counts[name] for name, sum_ in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return {name: round(value, 6) for name, value in found.items()}

    def check(self, step: int) -> None:
        """Checks that the losses are finite.

        Raises:
            TrainingError: A loss is not finite.
        """
        for name, total in self._sums.items():
            if not math.isfinite(total.item()):
                raise TrainingError(
                    f"the loss {name!r} is no longer a number at step {step}: go on from the last "
                    "checkpoint with a lower schedule.learning_rate, or with precision=fp32"
                )

    def write(self, step: int, **values: Any) -> None:
        """Appends a line to ``log.jsonl``.

        Raises:
            TrainingError: The file, or TensorBoard's, cannot be written.
        """
        if not self._is_writer:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **values}) + "\n")
        except OSError as error:
            raise TrainingError(f"{self._path}: {reason_of(error)}") from error
        folder = self._path.with_name("tensorboard")
        try:
            if self._board is None:  # not before there is something to write
                self._board = _make_board(folder)
            if self._board is not None:
                for name, value in _flat(values):
                    self._board.add_scalar(name, value, step)
        except OSError as error:
            raise TrainingError(f"{folder}: {reason_of(error)}") from error

    def has_validation(self, step: int) -> bool:
        """Returns whether the log has a line of the validation of a step.

        Raises:
            TrainingError: The file cannot be read.
        """
        try:
            with self._path.open(encoding="utf-8", errors="replace") as file:
                return any('"validation"' in line and _step_of(line) == step for line in file)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise TrainingError(f"{self._path}: {reason_of(error)}") from error

    def close(self) -> None:
        """Closes TensorBoard's files."""
        if self._board is not None:
            self._board.close()


def _step_of(line: str) -> int | None:
    """Returns the step of a line; None if the line was cut short."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None


def _make_board(folder: Path) -> Any:
    """Returns TensorBoard's writer; None if TensorBoard is not installed."""
    with suppress(ImportError):
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(folder))
    return None


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            yield prefix + name, float(value)
