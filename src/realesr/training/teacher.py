"""A larger network's output as part of the target: knowledge distillation.

What a small network cannot learn from the clean image, because the damage has removed it, a
teacher's output still shows in a learnable form. On a CPU the teacher is many times slower than the
step, so its output is computed once for a number of patches and kept on disk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.errors import InvalidOptionError

LOCK_SIGMA = 2.0
"""Standard deviation of the color lock's low-pass, low-resolution px."""


class TeacherOutputs:
    """The teacher's output for the first patches of a dataset, (H, W, 3) uint8 RGB each.

    The file is a NumPy array; beside it stands what it was made from, and which patches are done.

    Args:
        path: The array's file, ``.npy``; it is made if it is missing.
        count: Number of patches.
        side: Of a patch, px.
        identity: What determines the outputs: teacher, data, seed and damage.

    Raises:
        InvalidOptionError: The file was made from something else, or cannot be written.
    """

    def __init__(self, path: Path, count: int, side: int, identity: Mapping[str, Any]) -> None:
        self._path = path
        self._progress = path.with_suffix(".done")
        fingerprint = path.with_suffix(".json")
        text = json.dumps(dict(identity), sort_keys=True, default=str)
        shape = (count, side, side, 3)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and fingerprint.exists():
                if fingerprint.read_text(encoding="utf-8") != text:
                    raise InvalidOptionError(
                        f"{path} holds outputs of another teacher or of other patches: "
                        "delete it, or choose another `out`"
                    )
                self._array = np.lib.format.open_memmap(path, mode="r+")
            else:
                self._progress.unlink(missing_ok=True)
                self._array = np.lib.format.open_memmap(
                    path, mode="w+", dtype=np.uint8, shape=shape
                )
                fingerprint.write_text(text, encoding="utf-8")
        except (OSError, ValueError) as error:
            if isinstance(error, InvalidOptionError):
                raise
            raise InvalidOptionError(
                f"{path}: cannot keep the teacher's output: {error}"
            ) from error

    def __len__(self) -> int:
        return int(self._array.shape[0])

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return np.asarray(self._array[index])

    @property
    def done(self) -> int:
        """Number of patches, from the first, whose outputs are there."""
        try:
            return int(self._progress.read_text())
        except (OSError, ValueError):
            return 0

    def fill(
        self,
        patch: Callable[[int], NDArray[np.float32]],
        upscale: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        *,
        color_lock: bool,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Computes what is missing; an interrupted computation goes on where it was.

        Args:
            patch: Low-resolution patch of an index: (h, w, 3) float32 RGB in [0, 1].
            upscale: The teacher: (h, w, 3) to (H, W, 3) uint8 RGB.
            color_lock: Whether the output's low frequencies are set to the input's.
            on_progress: Is told the number of outputs that are there, and of all.
        """
        for index in range(self.done, len(self)):
            lr = np.rint(patch(index) * 255).astype(np.uint8)
            sr = upscale(lr)
            self._array[index] = lock_color(sr, lr) if color_lock else sr
            if index % 64 == 63 or index + 1 == len(self):
                self._array.flush()
                self._progress.write_text(str(index + 1))
                on_progress(index + 1, len(self))


def lock_color(sr: NDArray[np.uint8], lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sets the low frequencies of an upscaled image to those of its input.

    ``sr + up(G * (lr - down(sr)))`` with a Gaussian ``G`` of :data:`LOCK_SIGMA`: one step of
    iterative back-projection (Irani and Peleg, 1991) with a wide kernel.

    Args:
        sr: (H, W, 3) uint8 RGB.
        lr: (h, w, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = lr.shape[:2]
    small = cv2.resize(sr, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.GaussianBlur(lr.astype(np.float32) - small, (0, 0), LOCK_SIGMA)
    shift = cv2.resize(low, (sr.shape[1], sr.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(np.rint(sr + shift), 0, 255), dtype=np.uint8)
