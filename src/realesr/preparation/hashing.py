"""A perceptual hash: equal for copies of a picture, near for resized and compressed ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

SIDE = 16
"""Rows of the hash, and comparisons in each: 256 bits."""


def difference_hash(pixels: NDArray[np.uint8]) -> bytes:
    """Returns whether each of 16x17 averages is brighter than its left neighbor, 32 bytes.

    Krawetz, "Kind of Like That", 2013: the same as ``imagehash.dhash(image, 16)``.

    Args:
        pixels: (H, W, 3) RGB.
    """
    gray = PillowImage.fromarray(np.ascontiguousarray(pixels)).convert("L")
    small = np.asarray(gray.resize((SIDE + 1, SIDE), PillowImage.Resampling.LANCZOS))
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes()


def near_pairs(hashes: Sequence[bytes], distance: int) -> Iterator[tuple[int, int]]:
    """Yields pairs of indices, the smaller one first, whose hashes differ in few bits.

    Args:
        hashes: Hashes of equal length.
        distance: Largest number of different bits.
    """
    if not hashes:
        return
    table = np.frombuffer(b"".join(hashes), np.uint64).reshape(len(hashes), -1)
    for index in range(len(table) - 1):
        for offset in np.flatnonzero(_are_near(table[index], table[index + 1 :], distance)):
            yield index, index + 1 + int(offset)


def is_near(one: bytes, others: Sequence[bytes], distance: int) -> bool:
    """Returns whether a hash differs in at most ``distance`` bits from any of the others."""
    table = np.frombuffer(b"".join([one, *others]), np.uint64).reshape(len(others) + 1, -1)
    return bool(_are_near(table[0], table[1:], distance).any())


def _are_near(
    one: NDArray[np.uint64], others: NDArray[np.uint64], distance: int
) -> NDArray[np.bool_]:
    """Returns which rows differ in few bits from one of equal length."""
    bits: NDArray[np.uint64] = np.bitwise_count(others ^ one).sum(axis=1)
    return bits <= distance
