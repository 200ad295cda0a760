"""Feature distances between images: what judges take of two arrays and call one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from realesr.perceptual.distance import feature_distance

Pixels = NDArray[Any]
Features = Callable[[Tensor], Mapping[str, Tensor]]
"""A :class:`~realesr.perceptual.extractor.FeatureExtractor`, or a function like one."""

PYRAMID_MIN_PX = 32
"""Shortest side of an image that the feature networks take, px."""


def as_batch(pixels: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """Converts an image to a batch of one, (1, 3, H, W) float32 in [0, 1].

    Args:
        pixels: (H, W, 3) RGB, uint8 or uint16, full range.
        device: Device of the batch.
    """
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(values / np.float32(np.iinfo(pixels.dtype).max))[None].to(device)


class FeatureJudge:
    """Measures how far apart two images are to a feature network.

    Args:
        features: The network.
        device: Device that it is on.
    """

    def __init__(self, features: Features, device: torch.device | str = "cpu") -> None:
        self._features = features
        self._device = device

    @torch.inference_mode()
    def __call__(self, first: Pixels, second: Pixels) -> float:
        """Returns :func:`~realesr.perceptual.distance.feature_distance`, 0 for equal images.

        Args:
            first: (H, W, 3) RGB, uint8 or uint16, full range; both sides at least 32 px.
            second: Image of the same shape and dtype.
        """
        batches = (as_batch(each, self._device) for each in (first, second))
        one, other = (self._features(batch) for batch in batches)
        return feature_distance(one, other).item()
