"""The split into training, validation and test pictures: by scene, never by tile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

SPLITS = ("train", "val", "test")


def split_of(scene: str, shares: Sequence[float], seed: int) -> str:
    """Returns the split of a scene, which does not depend on the other scenes.

    A hash of seed and name falls into one of the shares; so a data set that grows keeps its split.

    Args:
        scene: Name of the scene.
        shares: Shares of :data:`SPLITS`, which sum to 1.
        seed: Seed of the split.
    """
    digest = hashlib.sha256(f"{seed}:{scene}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    total = 0.0
    for name, share in zip(SPLITS, shares, strict=True):
        total += share
        if position < total:
            return name
    return next(name for name, share in zip(SPLITS, shares, strict=True) if share)


def joined_scenes(scenes: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Joins scenes that share a picture, so that a copy cannot be in another split.

    Args:
        scenes: Scene of each picture.
        pairs: Indices of pictures that are copies of each other.

    Returns:
        Scene of each picture; joined ones have the first of their names in order.
    """
    parent = {scene: scene for scene in scenes}

    def root(scene: str) -> str:
        while parent[scene] != scene:
            parent[scene] = parent[parent[scene]]
            scene = parent[scene]
        return scene

    for first, second in pairs:
        low, high = sorted((root(scenes[first]), root(scenes[second])))
        parent[high] = low
    return [root(scene) for scene in scenes]
