"""Resizing where the values are, so that a large result need not travel to the host."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from realesr.geometry import Size

LOBES = 3
"""Of the windowed sinc: how far it reaches, in px of the coarser of both images."""


def lanczos(values: Tensor, size: Size) -> Tensor:
    """Resizes as :func:`realesr.imaging.resize.resize` does on the host, up to rounding.

    Args:
        values: (N, C, H, W) floating point.
        size: Of the result, px.

    Returns:
        (N, C, ``size.height``, ``size.width``) float32 on the same device.
    """
    values = values.float()
    for dim, length in ((-1, size.width), (-2, size.height)):
        if values.shape[dim] != length:
            values = _resample(values, dim, length)
    return values


def _resample(values: Tensor, dim: int, length: int) -> Tensor:
    """Along one axis: a sum over the taps of the filter."""
    positions, weights = _taps_on(values.device, _stream(values), values.shape[dim], length)
    shape = (-1, 1) if dim == -2 else (-1,)
    sides = list(values.shape)
    sides[dim] = length
    out = values.new_zeros(sides)
    for where, weight in zip(positions, weights, strict=True):
        out.addcmul_(values.index_select(dim, where), weight.reshape(shape))
    return out


def _stream(values: Tensor) -> int:
    return torch.cuda.current_stream(values.device).cuda_stream if values.is_cuda else 0


@lru_cache(maxsize=8)
def _taps_on(
    device: torch.device, stream: int, length: int, new_length: int
) -> tuple[Tensor, Tensor]:
    """The same for every frame of a video: (taps, new_length), brought there once.

    Streams do not share them: when one forgets them, another might still be reading.
    """
    positions, weights = _taps(length, new_length)
    return torch.from_numpy(positions.T.copy()).to(device), torch.from_numpy(weights.T.copy()).to(
        device
    )


def _taps(length: int, new_length: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Where each new pixel looks and how much each counts, both (new_length, taps).

    Where the image shrinks the filter widens, so that nothing aliases. At the borders the filter
    is cut off and the rest counts more.
    """
    ratio = length / new_length
    width = max(ratio, 1.0)
    centers = (np.arange(new_length) + 0.5) * ratio
    first = np.floor(centers - LOBES * width + 0.5).astype(np.int64)
    taps = math.ceil(2 * LOBES * width) + 1
    positions = first[:, None] + np.arange(taps)
    distances = (positions + 0.5 - centers[:, None]) / width
    weights = np.sinc(distances) * np.sinc(distances / LOBES)
    is_used = (np.abs(distances) < LOBES) & (positions >= 0) & (positions < length)
    weights = np.where(is_used, weights, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(positions, 0, length - 1), weights.astype(np.float32)
