"""Conversions between images on the host and tensors on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from realesr.engine.padding import reflect_indices
from realesr.geometry import Region
from realesr.imaging.image import PixelDType, Pixels


def to_tensor(
    pixels: Pixels, device: torch.device, dtype: torch.dtype, region: Region | None = None
) -> Tensor:
    """Converts images to a tensor, (N, 3, h, w) in [0, 1], in the channels-last memory format.

    The integers are copied to the device, and converted there. Copies to a CUDA device start from
    pinned memory and are asynchronous.

    Args:
        pixels: (N, H, W, 3) uint8 or uint16 RGB.
        device: Device of the tensor.
        dtype: Floating-point format of the tensor.
        region: Region of the images; None for all. Beyond the right and lower borders the images
            are reflected, on the device.
    """
    mirrored: list[tuple[int, Tensor]] = []
    if region is not None:
        spans = ((region.y, region.bottom), (region.x, region.right))
        for axis, (first, last) in enumerate(spans, start=1):
            if last > pixels.shape[axis]:
                there = reflect_indices(pixels.shape[axis], first, last)
                first, last = int(there.min()), pixels.shape[axis]
                mirrored.append((axis, torch.from_numpy(there - first)))
            pixels = pixels[(slice(None),) * axis + (slice(first, last),)]
    host = torch.from_numpy(np.require(pixels, requirements=("C", "W")))
    if device.type == "cuda":
        host = host.pin_memory()
    values = host.to(device, non_blocking=True).to(torch.float32) / np.iinfo(pixels.dtype).max
    for axis, positions in mirrored:
        values = values.index_select(axis, positions.to(device))
    return values.to(dtype).permute(0, 3, 1, 2)


def to_pixels(sr: Tensor, dtype: PixelDType) -> Tensor:
    """Converts (N, 3, H, W) in [0, 1] to (N, H, W, 3) RGB, clamped and rounded, on the same device.

    A float32 ``sr`` is overwritten: a copy of a large result takes gigabytes.

    Returns:
        uint8; int32 for uint16, which PyTorch barely supports.
    """
    peak = np.iinfo(dtype).max
    values = sr.float().mul_(peak).round_().clamp_(0, peak).permute(0, 2, 3, 1)
    return values.to(torch.uint8 if dtype == np.uint8 else torch.int32)


class HostCopy:
    """An asynchronous copy of a tensor to the host.

    From a CUDA device the copy runs in a separate stream, concurrently with later work.
    """

    def __init__(self, values: Tensor, stream: torch.cuda.Stream | None) -> None:
        self._event: torch.cuda.Event | None = None
        if stream is None:
            self._host = values.cpu()
            return
        stream.wait_stream(torch.cuda.current_stream(values.device))
        with torch.cuda.stream(stream):
            self._host = values.to("cpu", non_blocking=True)  # pinned memory
            self._event = stream.record_event()
        values.record_stream(stream)

    def wait(self) -> Tensor:
        """Waits for the copy and returns the tensor on the host."""
        if self._event is not None:
            self._event.synchronize()
        return self._host
