"""A larger network's output as part of the target: knowledge distillation.

A small network cannot learn detail that the damage has removed from the input; the teacher's output
shows a learnable version of it. On a CPU the teacher is many times slower than the step, so its
outputs for a number of patches are computed once and stored on disk.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.functional import gaussian_blur

from realesr.errors import InvalidOptionError
from realesr.reasons import reason_of

LOCK_SIGMA = 2.0
"""Standard deviation of the color lock's low-pass, low-resolution px."""


class TeacherOutputs:
    """The teacher's output for the first patches of a dataset, (H, W, 3) uint8 RGB each.

    They are a NumPy array in a file. Files with the suffixes ``.json`` and ``.done`` store the
    identity of the outputs and the number of finished patches.

    Args:
        path: File of the array, ``.npy``; it is created if it is missing.
        count: Number of patches.
        side: Side of a teacher's output, px.
        identity: Values that determine the outputs: teacher, data, seed and damage.

    Raises:
        InvalidOptionError: The file belongs to another identity, or cannot be written.
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
                np.lib.format.open_memmap(path, mode="r")  # "r+" would fill a cut file with zeros
                self._array = np.lib.format.open_memmap(path, mode="r+")
            else:
                self._progress.unlink(missing_ok=True)
                self._array = np.lib.format.open_memmap(
                    path, mode="w+", dtype=np.uint8, shape=shape
                )
                _allocate(path)
                fingerprint.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidOptionError(
                f"{path}: cannot keep the teacher's output: {reason_of(error)}"
            ) from error
        except ValueError as error:
            if isinstance(error, InvalidOptionError):
                raise
            raise InvalidOptionError(
                f"{path} is damaged or cut short ({error}): delete it, and it is made again"
            ) from error

    def __len__(self) -> int:
        return int(self._array.shape[0])

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return np.asarray(self._array[index])

    @property
    def done(self) -> int:
        """Number of finished outputs, from the first patch on."""
        try:
            return int(self._progress.read_text())
        except (OSError, ValueError):
            return 0

    def fill(
        self,
        patch: Callable[[int], NDArray[np.float32]],
        upscale: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        *,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Computes the missing outputs; an interrupted computation resumes.

        Args:
            patch: Returns the low-resolution patch of an index, (h, w, 3) float32 RGB in [0, 1].
            upscale: Applies the teacher, (h, w, 3) to (H, W, 3) uint8 RGB.
            on_progress: Receives the number of finished outputs and of all outputs.
        """
        for index in range(self.done, len(self)):
            lr = np.rint(patch(index) * 255).astype(np.uint8)
            self._array[index] = upscale(lr)
            if index % 64 == 63 or index + 1 == len(self):
                self._array.flush()
                self._progress.write_text(str(index + 1))
                on_progress(index + 1, len(self))


def _allocate(path: Path) -> None:
    """Takes the place of a file on the disk: a full one would end the process within a write.

    Raises:
        OSError: There is not so much.
    """
    if sys.platform not in ("win32", "darwin"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def lock_color(sr: Tensor, hr: Tensor, scale: int) -> Tensor:
    """Sets the low frequencies of an upscaled image to those of the clean image.

    ``sr + up(G * down(hr - sr))`` with a Gaussian ``G`` of :data:`LOCK_SIGMA`: one step of
    iterative back-projection (Irani and Peleg, 1991) with a wide kernel. The input itself would
    not do: it would bring the color blocks of its JPEG back, which the teacher has removed.

    Args:
        sr: (N, 3, H, W), in [0, 1].
        hr: (N, 3, H, W), in [0, 1].
        scale: High-resolution px per low-resolution px.

    Returns:
        (N, 3, H, W), in [0, 1].
    """
    low = functional.avg_pool2d(hr - sr, scale)
    side = 2 * min(round(3 * LOCK_SIGMA), min(low.shape[-2:]) - 1) + 1
    low = gaussian_blur(low, [side, side], [LOCK_SIGMA, LOCK_SIGMA])
    shift = functional.interpolate(low, size=sr.shape[-2:], mode="bicubic", align_corners=False)
    return (sr + shift).clamp(0, 1)
