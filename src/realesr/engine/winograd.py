"""3x3 convolutions in float32 on x86-64 CPUs, with a quarter of the multiplications.

Winograd's F(4x4, 3x3) after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
2015 (arXiv 1509.09308). The native part is compiled when the package is installed; where there was
no compiler, :func:`lanes` is 0 and PyTorch does it all.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LIBRARY = Path(__file__).with_name("native") / "winograd.so"
VERSION = 1
"""Of the native part; it and ``native/winograd.h`` change together."""
CHANNELS = 16
"""The native part takes channels, in and out, in multiples of this number."""

_G = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)
"""Transforms weights along an axis, for the points 0, 1, -1, 2, -2 and infinity."""


class _Strides(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ssize_t) for name in ("picture", "row", "pixel")]

    @classmethod
    def of(cls, values: Tensor) -> Self:
        picture, _, row, pixel = values.stride()
        return cls(picture, row, pixel)


class _Convolution(ctypes.Structure):
    """Mirrors the structure of that name in ``native/winograd.h``."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("pictures", "height", "width")),
        *((name, ctypes.c_int) for name in ("channels_in", "channels_out")),
        ("input", ctypes.c_void_p),
        ("input_strides", _Strides),
        *((name, ctypes.c_void_p) for name in ("weights", "bias", "slopes", "residual")),
        ("residual_strides", _Strides),
        ("output", ctypes.c_void_p),
        ("output_strides", _Strides),
    ]


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(str(LIBRARY))


@cache
def lanes() -> int:
    """How many floats the native part computes at a time: 16, 8, or 0 where there is none."""
    try:
        library = _library()
        is_current = library.realesr_winograd_version() == VERSION
    except (OSError, AttributeError):
        return 0
    return int(library.realesr_winograd_lanes()) if is_current else 0


class WinogradConv2d(nn.Module):
    """A 3x3 convolution with stride 1 and zero padding 1, for inference in float32 on a CPU.

    Args:
        convolution: Of such a kind; whose weights it takes.
        activation: Applied to the result; None for nothing.
        gain: Factor on the result, before what a residual adds.
    """

    weight: nn.Parameter
    bias: Tensor
    slopes: Tensor | None

    def __init__(
        self,
        convolution: nn.Conv2d,
        activation: nn.PReLU | nn.LeakyReLU | None = None,
        *,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = convolution.in_channels, convolution.out_channels
        self._more_in = -self.in_channels % CHANNELS
        self._more_out = -self.out_channels % CHANNELS
        weight = convolution.weight.detach() * gain
        bias = torch.zeros(self.out_channels) if convolution.bias is None else convolution.bias
        slopes = _slopes(activation, self.out_channels)
        padding = (0, self._more_out)
        self.weight = nn.Parameter(
            _transform(F.pad(weight, (0, 0, 0, 0, 0, self._more_in, *padding))), requires_grad=False
        )
        self.register_buffer("bias", F.pad(bias.detach() * gain, padding))
        self.register_buffer("slopes", None if slopes is None else F.pad(slopes, padding))

    def forward(
        self, x: Tensor, *, residual: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """Convolves.

        Args:
            x: (N, in_channels, H, W) float32 on the CPU. Copied unless channels are innermost, as
                in channels_last memory and in slices of its channels.
            residual: (N, out_channels, H, W), channels innermost, added after the activation.
            out: Where the result goes: as ``residual``; must not share memory with ``x``, but may
                be other channels of the same tensor. Only for multiples of :data:`CHANNELS`.

        Returns:
            (N, out_channels, H, W) float32, channels innermost.

        Raises:
            MemoryError: There is not enough for what threads need.
        """
        if self._more_in:
            x = _padded(x, self._more_in)
        if x.stride(1) != 1:
            x = x.contiguous(memory_format=torch.channels_last)
        count, _, height, width = x.shape
        if out is None:
            shape = (count, self.out_channels + self._more_out, height, width)
            out = torch.empty(shape, memory_format=torch.channels_last)
        strides = _Strides.of
        task = _Convolution(
            *(count, height, width),
            *(x.shape[1], out.shape[1]),
            *(x.data_ptr(), strides(x)),
            *(self.weight.data_ptr(), self.bias.data_ptr()),
            None if self.slopes is None else self.slopes.data_ptr(),
            *((None, _Strides()) if residual is None else (residual.data_ptr(), strides(residual))),
            *(out.data_ptr(), strides(out)),
        )
        threads = torch.get_num_threads()
        if _library().realesr_winograd_convolve(ctypes.byref(task), threads, lanes()):
            raise MemoryError("no memory for a convolution")
        return out[:, : self.out_channels]


def _padded(x: Tensor, more: int) -> Tensor:
    """With more channels, of zeros, and channels innermost."""
    count, channels, height, width = x.shape
    padded = x.new_zeros((count, height, width, channels + more)).permute(0, 3, 1, 2)
    padded[:, :channels] = x
    return padded


def _transform(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) -> (36, I, O)."""
    outputs, inputs = weight.shape[:2]
    points = torch.kron(_G, _G).float() @ weight.permute(2, 3, 1, 0).reshape(9, -1)
    return points.reshape(36, inputs, outputs)


def _slopes(activation: nn.PReLU | nn.LeakyReLU | None, channels: int) -> Tensor | None:
    if activation is None:
        return None
    if isinstance(activation, nn.LeakyReLU):
        return torch.full((channels,), activation.negative_slope)
    return activation.weight.detach().expand(channels).clone()
