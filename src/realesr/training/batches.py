"""Batches of patches on the device."""

from __future__ import annotations

import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from realesr.degradation.batches import degrade_batch
from realesr.degradation.pipeline import DegradationConfig
from realesr.errors import RealesrError, TrainingError
from realesr.models.networks.luma import luma_of
from realesr.training.dataset import PatchDataset, StepSampler
from realesr.training.distributed import World
from realesr.training.objective import Batch


class PairPool:
    """Mixes batches from the pairs of the last steps, as Real-ESRGAN's training pair pool does.

    If the damage is drawn once per batch, as on a GPU, the pool gives batches of varied damage.

    Args:
        size: Number of pairs that are kept.
        seed: Seed; together with the step it determines all randomness.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._kept: list[Tensor] = []

    def exchange(self, step: int, tensors: list[Tensor]) -> list[Tensor]:
        """Stores a batch and returns another one; the same one while the pool is filling.

        Pairs of another shape, of a checkpoint from before the recipe was changed, are dropped.

        Args:
            step: Number of the step.
            tensors: (N, ...) each, pairs along the first axis.
        """
        self._kept = [k.to(t.device) for k, t in zip(self._kept, tensors, strict=False)]
        if [k.shape[1:] for k in self._kept] != [t.shape[1:] for t in tensors]:
            self._kept = [t.clone() for t in tensors]
            return tensors
        if len(self._kept[0]) < self._size:
            self._kept = [torch.cat(pair) for pair in zip(self._kept, tensors, strict=True)]
            return tensors
        rng = np.random.default_rng((self._seed, step, 2))
        places = torch.from_numpy(rng.permutation(len(self._kept[0]))[: len(tensors[0])])
        given = [kept[places] for kept in self._kept]
        for kept, fresh in zip(self._kept, tensors, strict=True):
            kept[places] = fresh
        return given

    def state_dict(self) -> dict[str, Any]:
        """Returns the state for a checkpoint; images have 8 bits, as in their files."""
        return {"kept": [(k * 255).round().to(torch.uint8).cpu() for k in self._kept]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of a checkpoint."""
        self._kept = [k.float() / 255 for k in state["kept"]]


class DeviceDamage:
    """Damages whole batches on their device, in groups that share their damage.

    Args:
        damage: Levels of damage of the same scale, with their probabilities.
        groups: Number of groups in a batch.
        margin: Low-resolution px that are degraded around a patch and cut off.
        seed: Seed; together with the step and the process it determines all randomness.
        rank: Number of this process.
    """

    def __init__(
        self,
        damage: Sequence[tuple[DegradationConfig, float]],
        *,
        groups: int,
        margin: int,
        seed: int,
        rank: int,
    ) -> None:
        self._levels, self._probabilities = zip(*damage, strict=True)
        self._groups = groups
        self._margin = margin
        self._seed = seed
        self._rank = rank

    def __call__(self, step: int, clean: Tensor) -> tuple[Tensor, Tensor]:
        """Returns damaged and clean patches, without the margin.

        Args:
            step: Number of the step.
            clean: (N, 3, H, W) in [0, 1], with the margin; N is a multiple of the groups.
        """
        damaged = []
        for number, group in enumerate(clean.chunk(self._groups)):
            rng = np.random.default_rng((self._seed, step, self._rank, number, 3))
            level = self._levels[rng.choice(len(self._levels), p=self._probabilities)]
            noise = torch.Generator(clean.device).manual_seed(int(rng.integers(2**63)))
            damaged.append(degrade_batch(group, level, [rng], noise))
        return (
            _inner(torch.cat(damaged), self._margin),
            _inner(clean, self._margin * self._levels[0].scale),
        )


def _inner(images: Tensor, margin: int) -> Tensor:
    inner = slice(margin, -margin or None)
    return images[..., inner, inner]


def batches(
    dataset: PatchDataset,
    *,
    start: int,
    stop: int,
    batch_size: int,
    device: torch.device,
    workers: int,
    world: World,
    pool: PairPool | None,
    mix: Callable[[Tensor, Tensor], Tensor],
    damage: DeviceDamage | None = None,
    teacher: Callable[[Tensor], Tensor] | None = None,
    is_luma: bool = False,
) -> Iterator[Batch]:
    """Yields the batches of the steps from ``start`` to ``stop``.

    Args:
        dataset: Source of the patches.
        start: First step.
        stop: Step after the last one.
        batch_size: Number of patches per step in this process.
        device: Device of the batches.
        workers: Number of processes that make patches; 0 makes them in this process.
        world: The processes that train together.
        pool: Pairs to mix batches from.
        mix: Mixes clean images and the teacher's output, (N, 3, H, W) in [0, 1] each.
        damage: Damages the dataset's clean patches; None if they are damaged.
        teacher: Computes the teacher's output live: (N, 3, h, w) to (N, 3, H, W), in [0, 1].
        is_luma: Whether the batches hold only the luma, in one channel.

    Raises:
        MediaError: A picture has vanished or is damaged.
        TrainingError: A process that makes patches has died.
    """
    sampler = StepSampler(start, stop, batch_size, rank=world.rank, world_size=world.size)
    with _without_advice():
        loader = DataLoader(
            _Guarded(dataset),
            batch_sampler=sampler,
            collate_fn=_collated,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=_start_worker,
            pin_memory=device.type == "cuda",
            persistent_workers=False,
        )
    for step, tensors in enumerate(_while_workers_live(loader), start):
        if isinstance(tensors, Exception):
            raise tensors
        given = [each.to(device, non_blocking=True) for each in tensors]
        if damage is not None:
            given[:2] = damage(step, given[1])
        if pool is not None:
            given = pool.exchange(step, given)
        lr, hr, taught = (
            each.contiguous(memory_format=torch.channels_last) if each.ndim == 4 else each
            for each in given
        )
        if teacher is not None:
            taught = teacher(lr)
        target = hr if taught.ndim != 4 else mix(hr, taught)
        if is_luma:
            lr, hr, target = luma_of(lr), luma_of(hr), luma_of(target)
        yield Batch(lr, hr, target, step)


def _while_workers_live(loader: Iterable[Any]) -> Iterator[Any]:
    """Yields what a loader gives.

    Raises:
        TrainingError: One of its workers has died.
    """
    items = _started(loader)
    try:
        yield from items
        return
    except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:
        # PyTorch's own error, or those of a batch whose sender has gone
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        words = " ".join(str(error).split()) or type(error).__name__
    del items  # no error may hold it: see _Guarded
    raise TrainingError(
        "a process that makes patches has died, of a lack of memory if nobody has ended it: set "
        f"`workers` or data.cache_mib lower ({words})"
    )


def _started(loader: Iterable[Any]) -> Iterator[Any]:
    """Starts the workers of a loader.

    PyTorch's handler of SIGCHLD would raise the error of a worker that has died amid a step, which
    could then not be saved. Without it, the loader looks after its workers when it has to wait.
    """
    number = getattr(signal, "SIGCHLD", None)
    if threading.current_thread() is not threading.main_thread():
        number = None  # only that one sets handlers
    before = None if number is None else signal.getsignal(number)
    with _without_advice():
        items = iter(loader)
    if number is not None and before is not None:  # else it was set by other code than Python's
        signal.signal(number, before)
    return items


@contextmanager
def _without_advice() -> Iterator[None]:
    """Silences that there are more workers than cores: somebody has asked for them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create")
        yield


class _Guarded(Dataset[Any]):
    """Returns errors of a dataset instead of raising them.

    An error that a worker raises holds the loader in its traceback, and the process would wait for
    workers at its end that nobody has told to stop.
    """

    def __init__(self, dataset: PatchDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, index: int) -> Any:
        try:
            return self._dataset[index]
        except RealesrError as error:
            return error.with_traceback(None)
        except Exception as error:
            told = RuntimeError(f"patch {index}: {type(error).__name__}: {error}")
            told.add_note(traceback.format_exc())  # which a debug log shows
            return told


def _collated(items: list[Any]) -> Any:
    """Returns the first error among the items, else a batch of them."""
    error = next((each for each in items if isinstance(each, Exception)), None)
    return default_collate(items) if error is None else error


def _start_worker(_: int) -> None:
    """Limits a worker to one thread; it ignores Ctrl-C and the first SIGTERM.

    The other threads belong to the network, and OpenCV's threads can hang in a forked process.
    Ctrl-C and a container's stop send their signal to the whole process group; only the main
    process, which saves, must react.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _ignore_once)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _ignore_once(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_DFL)
