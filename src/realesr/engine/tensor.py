"""Between pictures on the host and tensors on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from realesr.imaging.image import PixelDType, Pixels


def to_tensor(pixels: Pixels, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(N, H, W, 3) uint8 or uint16 RGB -> (N, 3, H, W) ``dtype`` in [0, 1], channels last."""
    host = torch.from_numpy(np.require(pixels, requirements=("C", "W")))
    values = host.to(device).to(torch.float32) / np.iinfo(pixels.dtype).max
    return values.to(dtype).permute(0, 3, 1, 2)


def to_pixels(sr: Tensor, dtype: PixelDType) -> Pixels:
    """(N, 3, H, W) in [0, 1] -> (N, H, W, 3) uint8 or uint16 RGB, clamped and rounded.

    The values of ``sr`` are overwritten: a copy of a large result takes gigabytes.
    """
    peak = np.iinfo(dtype).max
    values = sr.float().mul_(peak).round_().clamp_(0, peak).permute(0, 2, 3, 1)
    if dtype == np.uint8:
        return values.to(torch.uint8).cpu().numpy()
    return values.to(torch.int32).cpu().numpy().astype(dtype)
