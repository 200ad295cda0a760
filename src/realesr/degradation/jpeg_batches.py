"""JPEG on batches in PyTorch: what compression does to pixels, without the bytes.

ITU-T T.81 (1992): the 8x8 cosine transform (A.3.3) and the example tables K.1 and K.2, which
encoders scale by quality as the Independent JPEG Group does. Colors are those of JFIF, halved in
both directions (4:2:0) and upscaled by the triangle filter that libjpeg calls fancy upsampling.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA_CORNER = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))
"""Upper left quarter of table K.2; the rest is 99."""
_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
_FROM_YCC = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))


def jpeg_batch(images: Tensor, quality: int) -> Tensor:
    """Compresses and decompresses images; clamps and rounds to 8 bits.

    Args:
        images: (N, 3, H, W) float32 RGB in [0, 1].
        quality: 1 to 100.
    """
    height, width = images.shape[2:]
    levels = images.mul(255).round().clamp(0, 255)
    even = F.pad(levels, (0, -width % 16, 0, -height % 16), mode="replicate")
    ycc = (
        _mixed(even, _TO_YCC).round() - 128 * torch.tensor((1.0, 0.0, 0.0)).to(even)[:, None, None]
    )
    luma = _coded(ycc[:, :1], _table(quality, _LUMA_TABLE)) + 128
    chroma = F.avg_pool2d(ycc[:, 1:], 2).round()
    chroma = _coded(chroma, _table(quality, _chroma_table()))
    # libjpeg upscales what lies inside the picture, and repeats its edge
    rows, columns = math.ceil(height / 2), math.ceil(width / 2)
    chroma = _enlarged(chroma[..., :rows, :columns])
    ycc = torch.cat([luma[..., :height, :width], chroma[..., :height, :width]], dim=1)
    return _mixed(ycc, _FROM_YCC).round().clamp(0, 255) / 255


def _mixed(images: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("ij,njhw->nihw", torch.tensor(matrix).to(images), images)


def _table(quality: int, base: tuple[tuple[int, ...], ...]) -> Tensor:
    """Returns the divisors of a quality, (8, 8)."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return torch.div(torch.tensor(base) * percent + 50, 100, rounding_mode="floor").clamp(1, 255)


def _chroma_table() -> tuple[tuple[int, ...], ...]:
    rest = (99,) * 4
    return (*(row + rest for row in _CHROMA_CORNER), *((99,) * 8,) * 4)


def _coded(planes: Tensor, table: Tensor) -> Tensor:
    """Transforms blocks, rounds to multiples of the table, and transforms back; (N, C, H, W)."""
    count, channels, height, width = planes.shape
    position = torch.arange(8, dtype=torch.float64)
    basis = torch.cos((2 * position + 1) * position[:, None] * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    transform = basis.to(planes)
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    divisors = table.to(planes)
    coefficients = (transform @ blocks @ transform.T / divisors).round() * divisors
    blocks = (transform.T @ coefficients @ transform).round().clamp(-128, 127)
    return blocks.transpose(3, 4).reshape(planes.shape)


def _halved(planes: Tensor) -> Tensor:
    """Halves both sides by means; halves are rounded down and up in turns, as libjpeg does."""
    bias = torch.arange(planes.shape[-1] // 2, device=planes.device) % 2 + 1
    return ((F.avg_pool2d(planes, 2) * 4 + bias) / 4).floor()


def _enlarged(planes: Tensor) -> Tensor:
    """Doubles both sides: each new sample is 3/4 of the nearer and 1/4 of the farther one.

    Halves are rounded up in even columns, and down in odd ones, as libjpeg does.
    """
    exact = F.interpolate(planes, scale_factor=2, mode="bilinear", align_corners=False)
    bias = 8 - torch.arange(exact.shape[-1], device=planes.device) % 2
    return ((exact * 16 + bias) / 16).floor()
