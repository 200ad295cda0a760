"""Bicubic enlargement by a whole factor, as a convolution that every runtime can compute."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 2
"""Radius of the filter, px of the input."""


def enlarge(x: Tensor, scale: int) -> Tensor:
    """Enlarges (N, C, H, W) to (N, C, H * scale, W * scale); pixels of the border are repeated.

    The filter is that of MATLAB's ``imresize``: Keys, "Cubic convolution interpolation for digital
    image processing", 1981, equation 15 with a = -1/2.
    """
    if scale == 1:
        return x
    channels = x.shape[1]
    taps = torch.tensor(weights(scale), dtype=x.dtype, device=x.device)
    kernels = torch.einsum("py,qx->pqyx", taps, taps).reshape(scale**2, 1, *taps.shape[1:] * 2)
    padded = F.pad(x, (REACH,) * 4, mode="replicate")
    phases = F.conv2d(padded, kernels.repeat(channels, 1, 1, 1), groups=channels)
    return F.pixel_shuffle(phases, scale)


def weights(scale: int) -> list[list[float]]:
    """Returns the weights of the px -2 to 2 around an input px, for each px that it becomes."""
    centers = [(phase + 0.5) / scale - 0.5 for phase in range(scale)]
    return [[_cubic(tap - center) for tap in range(-REACH, REACH + 1)] for center in centers]


def _cubic(offset: float) -> float:
    far = abs(offset)
    if far <= 1:
        return 1.5 * far**3 - 2.5 * far**2 + 1
    return -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2 if far < REACH else 0.0
