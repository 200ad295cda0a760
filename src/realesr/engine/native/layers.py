"""What networks of the native engine are made of: convolutions, and buffers for features."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realesr.engine.native.bindings import (
    CHANNELS,
    Features,
    aligned_empty,
    convolve,
    read_pixels,
    write_pixels,
)
from realesr.geometry import round_up
from realesr.imaging.image import Pixels

COLORS = 3
MAX_SLACK = 3
"""Largest ratio of a kept buffer to the requested size. A far smaller request means that tiles were
halved because memory was short."""
GROWTH = 1.15
"""Ratio of a new buffer to the requested size: tiles inside an image are larger than the first."""

_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""Winograd transform of weights along an axis, for the points 0, 1, -1, 2, -2 and infinity: Lavin
and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015 (arXiv 1509.09308)."""

Parameters = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class RawOutput:
    """Output of a network before the conversion to pixels.

    It is valid until the same thread runs the network again.

    Attributes:
        features: (N, H, W, C) for H * ``factor`` x W * ``factor`` px.
        base: (N, H, W, C), added to the px; None for nothing.
        factor: Factor of the pixel-shuffle.
        threads: Number of threads that write pixels.
    """

    features: Features
    base: Features | None
    factor: int
    threads: int

    def write(self, out: NDArray[Any], *, top: int = 0, left: int = 0) -> bool:
        """Writes a part of the result.

        Args:
            out: (N, h, w, 3), receives the pixels: uint8 or uint16, clamped and rounded, or
                float32. Its sides are multiples of the factor.
            top: First row of the part in the result, px: a multiple of the factor.
            left: First column of the part in the result, px: a multiple of the factor.

        Returns:
            Whether all values are finite. Otherwise ``out`` is undefined.
        """
        top, left, height, width = (
            length // self.factor for length in (top, left, *out.shape[1:3])
        )
        part = np.s_[:, top : top + height, left : left + width]
        return write_pixels(
            self.features[part],
            out,
            base=None if self.base is None else self.base[part],
            factor=self.factor,
            threads=self.threads,
        )


class Convolution:
    """A 3x3 convolution with stride 1 and zero padding 1.

    Args:
        weight: (O, I, 3, 3).
        bias: (O,).
        slopes: Factor on negative results: a number or (O,); None for no activation.
        gain: Factor on the result, before residuals are added.
        threads: Number of threads.
    """

    def __init__(
        self,
        weight: Features,
        bias: Features,
        *,
        slopes: float | Features | None = None,
        gain: float = 1.0,
        threads: int,
    ) -> None:
        outputs, inputs = weight.shape[:2]
        more = (0, -outputs % CHANNELS)
        weight = np.pad(weight, (more, (0, -inputs % CHANNELS), (0, 0), (0, 0)))
        self._weights = _transformed(weight * np.float32(gain))
        self._bias = np.pad(bias * np.float32(gain), more)
        self._slopes = None
        if slopes is not None:
            each = np.broadcast_to(np.asarray(slopes, np.float32), (outputs,))
            self._slopes = np.pad(each, more)
        self._threads = threads

    @property
    def channels(self) -> int:
        """Number of channels of the result: O, rounded up to a multiple of 16."""
        return len(self._bias)

    def __call__(
        self,
        features: Features,
        *,
        out: Features | None = None,
        residuals: Sequence[tuple[Features, float]] = (),
    ) -> Features:
        """Convolves features; see :func:`realesr.engine.native.bindings.convolve`."""
        if out is None:
            out = aligned_empty(*features.shape[:3], self.channels)
        convolve(
            features,
            out,
            weights=self._weights,
            bias=self._bias,
            slopes=self._slopes,
            residuals=residuals,
            threads=self._threads,
        )
        return out


def _transformed(weight: Features) -> Features:
    """Transforms weights for Winograd's F(4x4, 3x3): (O, I, 3, 3) to (36, I, O)."""
    outputs, inputs = weight.shape[:2]
    kernels = weight.transpose(2, 3, 1, 0).reshape(9, -1)
    points: Features = np.kron(_G, _G).astype(np.float32) @ kernels
    return points.reshape(36, inputs, outputs)


class Workspace(threading.local):
    """Per-thread buffer for features, reused from tile to tile.

    Tiles differ slightly in size; allocating each one would fragment the heap, because freed memory
    is kept.
    """

    def __init__(self) -> None:
        self._values = np.empty(0, np.float32)

    def __reduce__(self) -> tuple[type[Workspace], tuple[()]]:
        """Makes copies empty."""
        return Workspace, ()

    def features(self, *shape: int) -> Features:
        """Returns an uninitialized array in the buffer, which the next call overwrites."""
        count = math.prod(shape)
        wanted = int(GROWTH * count)
        if not count <= self._values.size <= MAX_SLACK * wanted:
            self._values = np.empty(0, np.float32)  # frees the old buffer first
            self._values = aligned_empty(wanted)
        return self._values[:count].reshape(shape)


def read(pixels: Pixels, factor: int, threads: int) -> Features:
    """Returns the first features: (N, H * factor, W * factor, 3) to (N, H, W, C) in [0, 1]."""
    count, height, width, _ = pixels.shape
    channels = round_up(COLORS * factor**2, CHANNELS)
    features = np.empty((count, height // factor, width // factor, channels), np.float32)
    read_pixels(pixels, features, factor=factor, threads=threads)
    return features
