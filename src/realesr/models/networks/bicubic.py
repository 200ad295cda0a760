"""Bicubic upscaling by a whole factor, as a convolution that every runtime can compute."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 2
"""Radius of the filter, px of the input."""


def upscale(x: Tensor, scale: int) -> Tensor:
    """Upscales (N, C, H, W) to (N, C, H * scale, W * scale); pixels of the border are repeated.

    The filter is that of MATLAB's ``imresize``: Keys, "Cubic convolution interpolation for digital
    image processing", 1981, equation 15 with a = -1/2.
    """
    if scale == 1:
        return x
    # Literal numbers: an exporter must see the shape of a kernel.
    taps = weights(scale)
    kernels = [[[[v * h for h in across] for v in down]] for down in taps for across in taps]
    planes = F.pad(x, (REACH,) * 4, mode="replicate").flatten(0, 1)[:, None]
    phases = F.conv2d(planes, torch.tensor(kernels, dtype=x.dtype, device=x.device))
    return F.pixel_shuffle(phases, scale).reshape(*x.shape[:2], *(s * scale for s in x.shape[2:]))


def weights(scale: int) -> list[list[float]]:
    """Returns the weights of the px -2 to 2 around an input px, for each px that it becomes."""
    centers = [(phase + 0.5) / scale - 0.5 for phase in range(scale)]
    return [[_cubic(tap - center) for tap in range(-REACH, REACH + 1)] for center in centers]


def _cubic(offset: float) -> float:
    far = abs(offset)
    if far <= 1:
        return 1.5 * far**3 - 2.5 * far**2 + 1
    return -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2 if far < REACH else 0.0
