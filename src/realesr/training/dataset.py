"""Pairs of damaged and clean patches, made on the fly.

Item ``i`` of the dataset is a function of ``(seed, i)`` alone: it does not depend on the number of
workers, and a resumed run sees the patches that an uninterrupted one would have seen.
"""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from realesr.degradation.operations import from_levels, quantize, unsharp_mask
from realesr.degradation.pipeline import DegradationConfig, degrade
from realesr.errors import InvalidOptionError, UnreadableMediaError

CleanPicture = NDArray[np.uint8]


def allowed_files(manifest: Path, licences: Sequence[str]) -> frozenset[str]:
    """Names (column ``file``) whose licence starts with one of ``licences``."""
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return frozenset(row["file"] for row in rows if row["licence"].startswith(tuple(licences)))


def read_tar(path: Path, allowed: frozenset[str] | None) -> Iterator[CleanPicture]:
    """Decodes the pictures of a tar file, in its order: (H, W, 3) uint8 RGB.

    Args:
        path: The tar file.
        allowed: Names to read; ``None`` reads all.

    Raises:
        UnreadableMediaError: A member is not a picture.
    """
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.isfile() or (allowed is not None and member.name not in allowed):
                continue
            if stream := tar.extractfile(member):
                yield _decode(stream.read(), f"{path}:{member.name}")


def read_folder(path: Path) -> Iterator[CleanPicture]:
    """Decodes the pictures of a folder, sorted by name: (H, W, 3) uint8 RGB.

    Raises:
        UnreadableMediaError: A file is not a picture.
    """
    for file in sorted(path.iterdir()):
        yield _decode(file.read_bytes(), str(file))


def _decode(data: bytes, name: str) -> CleanPicture:
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise UnreadableMediaError(f"{name} is not a picture that OpenCV can read")
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)


def sharpened(picture: CleanPicture) -> CleanPicture:
    """The USM-sharpened picture, (H, W, 3) uint8 RGB."""
    return quantize(unsharp_mask(from_levels(picture)))


class PatchDataset(Dataset[tuple[Tensor, Tensor]]):
    """Random patches of clean pictures with their degraded versions.

    Args:
        pictures: (H, W, 3) uint8 RGB, each at least one patch with its margins large.
        degradation: The damage.
        lr_size: Side of the low-resolution patch, px.
        margin: Low-resolution px that are degraded around the patch and cut off.
        seed: With the index, the only source of randomness.

    Raises:
        InvalidOptionError: No picture is large enough.
    """

    def __init__(
        self,
        pictures: Sequence[CleanPicture],
        degradation: DegradationConfig,
        *,
        lr_size: int,
        margin: int,
        seed: int,
    ) -> None:
        self._hr_side = (lr_size + 2 * margin) * degradation.scale
        self._pictures = [p for p in pictures if min(p.shape[:2]) >= self._hr_side]
        if not self._pictures:
            raise InvalidOptionError(
                f"none of {len(pictures)} training pictures has {self._hr_side} px on both sides"
            )
        self._degradation = degradation
        self._margin = margin
        self._seed = seed

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Returns (3, lr, lr) and (3, lr * scale, lr * scale) float32 RGB in [0, 1]."""
        rng = np.random.default_rng((self._seed, index))
        picture = self._pictures[rng.integers(len(self._pictures))]
        side = self._hr_side
        top = rng.integers(picture.shape[0] - side + 1)
        left = rng.integers(picture.shape[1] - side + 1)
        patch = np.rot90(picture[top : top + side, left : left + side], int(rng.integers(4)))
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        hr = from_levels(np.ascontiguousarray(patch))
        lr = degrade(hr, self._degradation, rng)
        return _cut(lr, self._margin), _cut(hr, self._margin * self._degradation.scale)


def _cut(patch: NDArray[np.float32], margin: int) -> Tensor:
    inner = slice(margin, -margin or None)
    return torch.from_numpy(np.ascontiguousarray(patch[inner, inner].transpose(2, 0, 1)))


class IndexSampler(Sampler[int]):
    """The indices ``start, start + 1, ... stop - 1`` in order."""

    def __init__(self, start: int, stop: int) -> None:
        self._indices = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)
