"""The degradation model on batches in PyTorch, so that a GPU can make training pairs.

The steps are those of :mod:`realesr.degradation.pipeline`, drawn on the CPU for each image; here
they are done to all images at once, on their device. With the same steps and the same noise both
agree: blurs and noise to float32 rounding, resizes too, because their weights are read off the
functions of :mod:`realesr.degradation.operations`, and JPEG to a few levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from realesr.degradation import operations
from realesr.degradation.jpeg_batches import jpeg_batch
from realesr.degradation.operations import Interpolation
from realesr.degradation.pipeline import DegradationConfig, draw_steps
from realesr.degradation.steps import Blur, Clamp, GaussianBlur, Jpeg, Noise, Resize, Step

LUMA = (0.299, 0.587, 0.114)
"""BT.601 weights of R, G, B, as in OpenCV's conversion to gray."""


def degrade_batch(
    hr: Tensor,
    config: DegradationConfig,
    rngs: Sequence[np.random.Generator],
    noise: torch.Generator,
) -> Tensor:
    """Makes random low-resolution, damaged versions of clean images.

    The batch is cut into as many groups as there are generators. A group shares its steps and is
    damaged in one go, which is what a GPU needs; the reference has one group, and a pool that mixes
    batches. With as many groups as images, each image has steps of its own, and runs by itself.
    Steps are drawn as by :func:`realesr.degradation.pipeline.degrade`, but the noise itself comes
    from the device's generator, so that results differ from those of NumPy.

    Args:
        hr: (N, 3, H, W) float32 RGB in [0, 1]; H and W are multiples of ``config.scale``.
        config: Ranges and probabilities.
        rngs: Source of the parameters of each group.
        noise: Source of the noise, on the device of the images.

    Returns:
        (N, 3, H / scale, W / scale) float32 RGB in [0, 1], on the 8-bit grid.

    Raises:
        ValueError: H or W is not a multiple of the scale, or the groups would differ in size.
    """
    height, width = hr.shape[2:]
    chains = [list(draw_steps(width, height, config, rng)) for rng in rngs]
    if not chains or len(hr) % len(chains):
        raise ValueError(f"{len(hr)} images are not a multiple of {len(chains)} generators")
    results = []
    for group, chain in zip(hr.chunk(len(chains)), chains, strict=True):
        images = group
        for step in chain:
            images = apply_step(step, images, noise)
        results.append(images)
    return torch.cat(results).mul(255).round().clamp(0, 255) / 255


def apply_step(step: Step, images: Tensor, noise: torch.Generator) -> Tensor:
    """Does a step to a batch, with the same parameters for all images.

    Args:
        step: The step.
        images: (N, 3, H, W) float32 RGB in [0, 1].
        noise: Source of the noise.
    """
    match step:
        case Blur():
            return blur(images, torch.from_numpy(step.kernel))
        case GaussianBlur():
            return blur(images, torch.from_numpy(_kernel_of(step)))
        case Resize():
            return resize(images, step.width, step.height, step.interpolation)
        case Noise():
            shape = (len(images), 1 if step.gray else images.shape[1], *images.shape[2:])
            field = torch.randn(shape, generator=noise, device=images.device, dtype=images.dtype)
            return add_noise(images, step, field)
        case Clamp():
            return images.clamp(0, 1)
        case Jpeg():
            return jpeg_batch(images, step.quality)


def blur(images: Tensor, kernel: Tensor) -> Tensor:
    """Correlates every channel with a kernel, (size, size); borders are mirrored."""
    reach = kernel.shape[0] // 2
    channels = images.shape[1]
    weight = kernel.to(images).expand(channels, 1, -1, -1)
    # PyTorch mirrors less than a whole image; small ones are mirrored in steps.
    padded = images
    left = reach
    while left:
        part = min(left, min(padded.shape[2:]) - 1)
        padded = F.pad(padded, (part,) * 4, mode="reflect")
        left -= part
    return F.conv2d(padded, weight, groups=channels)


def _kernel_of(step: GaussianBlur) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Reads the kernel off the step: its response to a point."""
    side = 2 * int(np.ceil(4 * max(step.sigma_x, step.sigma_y)) + 1) + 1
    point = np.zeros((side, side, 3), np.float32)
    point[side // 2, side // 2] = 1
    response = step.apply(point, np.random.default_rng(0))
    return np.ascontiguousarray(response[::-1, ::-1, 0])


def resize(images: Tensor, width: int, height: int, interpolation: Interpolation) -> Tensor:
    """Resizes as :func:`realesr.degradation.operations.resize` does, by two matrix products."""
    rows = _weights(images.shape[2], height, interpolation).to(images)
    columns = _weights(images.shape[3], width, interpolation).to(images)
    return rows @ images @ columns.T


@lru_cache(maxsize=256)
def _weights(size: int, new_size: int, interpolation: Interpolation) -> Tensor:
    """Returns the weights of a resize along one axis, (new_size, size).

    They are the resized unit vectors. The other axis is resized by the same ratio, because the
    area filter becomes another one if an axis grows; a picture that is constant along it stays so.
    """
    columns = []
    for start in range(0, size, 3):  # three unit vectors at a time, one a channel
        unit = np.zeros((size, size, 3), np.float32)
        for channel in range(min(3, size - start)):
            unit[start + channel, :, channel] = 1
        columns.append(operations.resize(unit, new_size, new_size, interpolation)[:, 0])
    return torch.from_numpy(np.concatenate(columns, axis=1)[:, :size].copy())


def add_noise(images: Tensor, step: Noise, field: Tensor) -> Tensor:
    """Adds noise to a batch.

    Args:
        images: (N, 3, H, W) float32 RGB in [0, 1].
        step: Kind and strength.
        field: Normal noise, (N, 3, H, W), or (N, 1, H, W) for gray noise.
    """
    if step.kind == "Gaussian":
        return images + field * (step.strength / 255)
    signal = images.clamp(0, 1)
    if step.gray:
        luma = torch.tensor(LUMA).to(images).reshape(1, 3, 1, 1)
        signal = (signal * luma).sum(dim=1, keepdim=True)
    return images + field * torch.sqrt(signal / 255) * step.strength
