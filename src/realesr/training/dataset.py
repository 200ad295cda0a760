"""Pairs of damaged and clean patches, made on the fly.

Item ``i`` of the dataset is a function of ``(seed, i)`` alone: it does not depend on the number of
workers, and a resumed run sees the patches that an uninterrupted one would have seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from realesr.degradation.operations import from_levels
from realesr.degradation.pipeline import DegradationConfig, degrade
from realesr.errors import InvalidOptionError
from realesr.training.store import ImageStore
from realesr.training.teacher import TeacherOutputs

Item = tuple[Tensor, Tensor, Tensor]
"""Damaged patch, clean patch, and the teacher's output for the damaged one (empty without one)."""

_LOG_GAMMA = 0.35
"""Recolored patches have a gamma between 0.7 and 1.4, as often below 1 as above."""


class PatchDataset(Dataset[Item]):
    """Random patches of clean images with their degraded versions.

    Args:
        stores: Clean images.
        shares: Relative frequency with which each store is drawn.
        damage: Levels of damage of the same scale, with their probabilities.
        lr_size: Side of the low-resolution patch, px.
        margin: Low-resolution px that are degraded around the patch and cut off.
        seed: Seed; together with the index it determines all randomness.
        teacher: The teacher's outputs for the first patches. The dataset then repeats these
            patches, rotated and flipped.
        smallest_zoom: Clean images are reduced before a patch is cut, by a factor between this
            and 1 whose logarithm is uniform, so that few images show more textures.
        recolor: Probability that the channels of a patch are shuffled and its gamma is changed.
        is_clean: Whether patches are neither damaged nor freed of the margin: that is done later,
            on the device.

    Raises:
        InvalidOptionError: A store has no image that is large enough.
    """

    def __init__(
        self,
        stores: Sequence[ImageStore],
        shares: Sequence[float],
        damage: Sequence[tuple[DegradationConfig, float]],
        *,
        lr_size: int,
        margin: int,
        seed: int,
        teacher: TeacherOutputs | None = None,
        smallest_zoom: float = 1.0,
        recolor: float = 0.0,
        is_clean: bool = False,
    ) -> None:
        self._levels, self._probabilities = zip(*damage, strict=True)
        self._scale = self._levels[0].scale
        self._hr_side: int = (lr_size + 2 * margin) * self._scale
        self._stores = stores
        self._large = [self._large_enough(store) for store in stores]
        self._shares = np.asarray(shares, dtype=np.float64) / np.sum(shares)
        self._margin = margin
        self._seed = seed
        self._teacher = teacher
        self._smallest_zoom = smallest_zoom
        self._recolor = recolor
        self._is_clean = is_clean

    def __getitem__(self, index: int) -> Item:
        """Returns the damaged patch, the clean patch and the teacher's output.

        They are float32 RGB in [0, 1]: (3, lr, lr), (3, lr * scale, lr * scale), and the same shape
        or, without a teacher, (0,). The first one is (0,) if patches stay clean.

        Raises:
            UnreadableMediaError: An image has vanished or is damaged.
        """
        if self._is_clean:
            rng = np.random.default_rng((self._seed, index))
            return torch.empty(0), _tensor(self._draw_clean(rng)), torch.empty(0)
        if self._teacher is None:
            small, clean = self.draw((self._seed, index))
            return _tensor(small), _tensor(clean), torch.empty(0)
        rng = np.random.default_rng((self._seed, index, 1))
        base = int(rng.integers(len(self._teacher)))
        turns, is_mirrored = int(rng.integers(4)), bool(rng.random() < 0.5)
        small, clean = self.draw((self._seed, base))
        patches = (small, clean, from_levels(self._teacher[base]))
        lr, hr, taught = (_turned(each, turns, is_mirrored) for each in patches)
        return lr, hr, taught

    def draw(self, seed: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draws a pair: (lr, lr, 3) and (lr * scale, lr * scale, 3) float32 RGB in [0, 1]."""
        rng = np.random.default_rng(seed)
        hr = self._draw_clean(rng)
        level = self._levels[rng.choice(len(self._levels), p=self._probabilities)]
        lr = degrade(hr, level, rng)
        return _inner(lr, self._margin), _inner(hr, self._margin * self._scale)

    def _draw_clean(self, rng: np.random.Generator) -> NDArray[np.float32]:
        source = int(rng.choice(len(self._stores), p=self._shares))
        large = self._large[source]
        image = self._stores[source][large[rng.integers(len(large))]]
        side = self._cut_side(min(image.shape[:2]), rng)
        top = rng.integers(image.shape[0] - side + 1)
        left = rng.integers(image.shape[1] - side + 1)
        patch = image[top : top + side, left : left + side]
        if side != self._hr_side:
            size = self._hr_side, self._hr_side
            patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        patch = np.rot90(patch, int(rng.integers(4)))
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        clean = from_levels(np.ascontiguousarray(patch))
        if self._recolor and rng.random() < self._recolor:
            gamma = np.float32(np.exp(rng.uniform(-_LOG_GAMMA, _LOG_GAMMA)))
            clean = np.ascontiguousarray(clean[..., rng.permutation(3)] ** gamma)
        return clean

    def _cut_side(self, available: int, rng: np.random.Generator) -> int:
        """Returns the side of the square, px, that is reduced to the side of a patch."""
        if self._smallest_zoom == 1:
            return self._hr_side
        smallest = max(self._smallest_zoom, self._hr_side / available)
        zoom = math.exp(rng.uniform(math.log(smallest), 0))
        return min(available, round(self._hr_side / zoom))

    def _large_enough(self, store: ImageStore) -> list[int]:
        side = self._hr_side
        found = [i for i, e in enumerate(store.entries) if min(e.width, e.height) >= side]
        if not found:
            raise InvalidOptionError(
                f"none of {len(store)} training images has {side} px on both sides: "
                "set data.lr_size or data.margin smaller, or take larger images"
            )
        return found


def _inner(patch: NDArray[np.float32], margin: int) -> NDArray[np.float32]:
    inner = slice(margin, -margin or None)
    return patch[inner, inner]


def _turned(patch: NDArray[np.float32], turns: int, is_mirrored: bool) -> Tensor:
    patch = np.rot90(patch, turns)
    return _tensor(patch[:, ::-1] if is_mirrored else patch)


def _tensor(patch: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(patch.transpose(2, 0, 1)))


class StepSampler(Sampler[list[int]]):
    """Yields the indices of each batch of one process, in order.

    With several processes, the batches of a step are adjacent: two processes together see the same
    patches as one process with twice the batch size.

    Args:
        start: First step.
        stop: Step after the last one.
        batch_size: Number of indices per batch.
        rank: Number of this process.
        world_size: Number of processes.
    """

    def __init__(
        self, start: int, stop: int, batch_size: int, *, rank: int = 0, world_size: int = 1
    ) -> None:
        self._steps = range(start, stop)
        self._size = batch_size
        self._rank = rank
        self._world_size = world_size

    def __iter__(self) -> Iterator[list[int]]:
        for step in self._steps:
            first = (step * self._world_size + self._rank) * self._size
            yield list(range(first, first + self._size))

    def __len__(self) -> int:
        return len(self._steps)
