"""Networks of residual blocks on NumPy arrays: EDSR, SRResNet and MSRResNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from realesr.engine.native.bindings import CHANNELS, Features, aligned_empty
from realesr.engine.native.layers import (
    COLORS,
    Convolution,
    Parameters,
    RawOutput,
    Workspace,
    read,
)
from realesr.imaging.image import Pixels
from realesr.models.architecture import Architecture, NetworkProperties, upsampling_factors
from realesr.models.architectures.edsr import EDSRConfig
from realesr.models.architectures.msrresnet import MSRResNetConfig
from realesr.models.architectures.srresnet import EDGE, SRResNetConfig

_RELU = 0.0
_LEVELS = 255.0
"""Range in which EDSR computes."""
_NORM_EPSILON = 1e-5
"""PyTorch's default for batch normalization."""
_LEAKY = 0.1
"""Slope of MSRResNet."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A 3x3 convolution, a pixel-shuffle and an activation.

    The convolution is one for each px of the result within an input px, so that each writes its
    px in place, and nothing is copied.
    """

    factor: int
    convolutions: Sequence[Convolution]

    @classmethod
    def create(
        cls, weight: Features, bias: Features, factor: int, *, slopes: float | None, threads: int
    ) -> _Step:
        """Takes apart a convolution whose channels are ordered by feature, row and column."""
        area = factor**2
        convolutions = [
            Convolution(weight[px::area], bias[px::area], slopes=slopes, threads=threads)
            for px in range(area)
        ]
        return cls(factor, convolutions)

    def __call__(self, features: Features) -> Features:
        count, height, width, _ = features.shape
        factor = self.factor
        channels = self.convolutions[0].channels
        out = aligned_empty(count, height * factor, width * factor, channels)
        for px, convolution in enumerate(self.convolutions):
            row, column = divmod(px, factor)
            convolution(features, out=out[:, row::factor, column::factor])
        return out


_PLACES = [slice(start, start + 3) for start in range(0, EDGE, 3)]
"""Rows, and columns, of a kernel of 9x9 px that make kernels of 3x3 px."""


def _parts(weight: Features) -> list[Features]:
    """Cuts kernels, (O, I, 9, 9), into nine of 3x3 px, row by row."""
    return [weight[:, :, rows, columns] for rows in _PLACES for columns in _PLACES]


def _padded(features: Features) -> Features:
    """Adds the zeros around features that a kernel of 9x9 px sees."""
    reach = EDGE // 2
    return np.pad(features, ((0, 0), (reach, reach), (reach, reach), (0, 0)))


class _WideConvolution:
    """A convolution with a kernel of 9x9 px, as the sum of nine with 3x3 px.

    Args:
        weight: (O, I, 9, 9).
        bias: (O,).
        threads: Number of threads.
    """

    def __init__(self, weight: Features, bias: Features, *, threads: int) -> None:
        self._parts = [
            Convolution(part, np.zeros_like(bias) if number else bias, threads=threads)
            for number, part in enumerate(_parts(weight))
        ]

    def __call__(self, features: Features) -> Features:
        count, height, width, _ = features.shape
        padded = _padded(features)
        # Each part sees a frame of 1 px more, whose zeros outside it are not those of the image.
        out = aligned_empty(count, height + 2, width + 2, self._parts[0].channels)
        for number, part in enumerate(self._parts):
            top, left = (3 * place for place in divmod(number, 3))
            seen = padded[:, top : top + height + 2, left : left + width + 2]
            part(seen, out=out, residuals=[(out, 1)] if number else [])
        return out[:, 1:-1, 1:-1]


class _WideColors:
    """The same with three results: all parts in one convolution, whose results are then added.

    Args:
        weight: (3, I, 9, 9).
        bias: (3,).
        threads: Number of threads.
    """

    def __init__(self, weight: Features, bias: Features, *, threads: int) -> None:
        parts = _parts(weight)
        zeros = np.zeros(len(parts) * COLORS, np.float32)
        self._bias = bias
        self._parts = Convolution(np.concatenate(parts), zeros, threads=threads)

    def __call__(self, features: Features) -> Features:
        count, height, width, _ = features.shape
        found = self._parts(_padded(features))
        out = np.broadcast_to(self._bias, (count, height, width, COLORS)).copy()
        for number in range(len(_PLACES) ** 2):
            top, left = (3 * place + 1 for place in divmod(number, 3))
            channels = slice(number * COLORS, (number + 1) * COLORS)
            out += found[:, top : top + height, left : left + width, channels]
        return out


@dataclass(frozen=True, slots=True)
class _Trunk:
    """Residual blocks, each with an activation between its two convolutions."""

    blocks: Sequence[tuple[Convolution, Convolution]]
    workspace: Workspace

    def __call__(self, features: Features) -> Features:
        """Maps (N, H, W, C) to the same shape, in a buffer that the next call overwrites."""
        inner, one, two = self.workspace.features(3, *features.shape)
        for number, (first, second) in enumerate(self.blocks):
            first(features, out=inner)
            features = second(inner, out=(one, two)[number % 2], residuals=[(features, 1)])
        return features


class _EDSR:
    """EDSR; the shifts of colors and the range are parts of the neighboring convolutions' sums."""

    def __init__(self, config: EDSRConfig, parameters: Parameters, threads: int) -> None:
        self.architecture: NetworkProperties = config
        self.threads = threads
        make = _Maker(parameters, threads)
        self._shift = (
            parameters["sub_mean.weight"][:, :, 0, 0].T * _LEVELS,
            parameters["sub_mean.bias"],
        )
        self._head = make("head.0")
        blocks = [
            (
                make(f"body.{block}.body.0", slopes=_RELU),
                make(f"body.{block}.body.2", gain=config.res_scale),
            )
            for block in range(config.num_block)
        ]
        self._trunk = _Trunk(blocks, Workspace())
        self._end = make(f"body.{config.num_block}")
        self._steps = [
            make.step(f"tail.0.{2 * number}", factor)
            for number, factor in enumerate(upsampling_factors(config.scale))
        ]
        back = parameters["add_mean.weight"][:, :, 0, 0] / np.float32(_LEVELS)
        weight, bias = parameters["tail.1.weight"], parameters["tail.1.bias"]
        self._last = Convolution(
            np.einsum("po,oiyx->piyx", back, weight),
            back @ bias + parameters["add_mean.bias"] / np.float32(_LEVELS),
            threads=threads,
        )

    def __call__(self, pixels: Pixels) -> RawOutput:
        x = read(pixels, 1, self.threads)
        weight, bias = self._shift
        x[..., :COLORS] = x[..., :COLORS] @ weight + bias
        features = self._head(x)
        features = self._end(self._trunk(features), residuals=[(features, 1)])
        for step in self._steps:
            features = step(features)
        return RawOutput(self._last(features), None, 1, self.threads)


class _SRResNet:
    """SRResNet; batch normalization is part of the convolutions."""

    def __init__(self, config: SRResNetConfig, parameters: Parameters, threads: int) -> None:
        self.architecture: NetworkProperties = config
        self.threads = threads
        make = _Maker(parameters, threads)
        self._first = _WideConvolution(
            parameters["conv_first.weight"], parameters["conv_first.bias"], threads=threads
        )
        self._slope = make.slope("act_first")
        blocks = [
            (
                make(f"{name}.conv1", norm=f"{name}.norm1", slopes=make.slope(f"{name}.act")),
                make(f"{name}.conv2", norm=f"{name}.norm2"),
            )
            for name in (f"body.{block}" for block in range(config.num_block))
        ]
        self._trunk = _Trunk(blocks, Workspace())
        self._end = make("conv_body", norm="norm_body")
        self._steps = [
            make.step(f"up.{number}.conv", factor, slopes=make.slope(f"up.{number}.act"))
            for number, factor in enumerate(upsampling_factors(config.scale))
        ]
        self._last = _WideColors(
            parameters["conv_last.weight"], parameters["conv_last.bias"], threads=threads
        )

    def __call__(self, pixels: Pixels) -> RawOutput:
        first = np.array(self._first(read(pixels, 1, self.threads)))
        first = np.where(first > 0, first, first * np.float32(self._slope))
        features = self._end(self._trunk(first), residuals=[(first, 1)])
        for step in self._steps:
            features = step(features)
        return RawOutput(self._last(features), None, 1, self.threads)


class _MSRResNet:
    """MSRResNet, whose result is added to the image, upscaled by bilinear interpolation."""

    def __init__(self, config: MSRResNetConfig, parameters: Parameters, threads: int) -> None:
        self.architecture: NetworkProperties = config
        self.threads = threads
        make = _Maker(parameters, threads)
        self._first = make("conv_first", slopes=_LEAKY)
        blocks = [
            (make(f"body.{block}.conv1", slopes=_RELU), make(f"body.{block}.conv2"))
            for block in range(config.num_block)
        ]
        self._trunk = _Trunk(blocks, Workspace())
        self._steps = [
            make.step(f"upconv{number}", factor, slopes=_LEAKY)
            for number, factor in enumerate(upsampling_factors(config.scale), 1)
        ]
        self._tail = make("conv_hr", slopes=_LEAKY), make("conv_last")

    def __call__(self, pixels: Pixels) -> RawOutput:
        x = read(pixels, 1, self.threads)
        features = self._trunk(self._first(x))
        for step in self._steps:
            features = step(features)
        for convolution in self._tail:
            features = convolution(features)
        height, width = features.shape[1:3]
        base = np.stack(
            [
                cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
                for image in x[..., :COLORS]
            ]
        )
        return RawOutput(features, base, 1, self.threads)


class _Maker:
    """Makes convolutions of parameters."""

    def __init__(self, parameters: Parameters, threads: int) -> None:
        self._parameters = parameters
        self._threads = threads

    def __call__(self, name: str, *, norm: str | None = None, **options: Any) -> Convolution:
        """Returns a convolution, with the normalization behind it if there is one."""
        weight, bias = self._parameters[f"{name}.weight"], self._parameters[f"{name}.bias"]
        if norm is not None:
            values = {
                each: self._parameters[f"{norm}.{each}"]
                for each in ("weight", "bias", "running_mean", "running_var")
            }
            factor = values["weight"] / np.sqrt(values["running_var"] + np.float32(_NORM_EPSILON))
            weight = weight * factor[:, None, None, None]
            bias = (bias - values["running_mean"]) * factor + values["bias"]
        return Convolution(weight, bias, threads=self._threads, **options)

    def step(self, name: str, factor: int, *, slopes: float | None = None) -> _Step:
        """Returns a step of the upsampling."""
        weight, bias = self._parameters[f"{name}.weight"], self._parameters[f"{name}.bias"]
        return _Step.create(weight, bias, factor, slopes=slopes, threads=self._threads)

    def slope(self, name: str) -> float:
        """Returns the only slope of a PReLU."""
        return float(self._parameters[f"{name}.weight"][0])


def _build_srresnet(config: Any, parameters: Parameters, threads: int) -> Any:
    if config.is_bounded or config.num_slope > 1:  # as Keras has it
        return None
    return _build(_SRResNet)(config, parameters, threads)


def _build(network: Callable[..., Any]) -> Callable[..., Any]:
    def build(config: Any, parameters: Parameters, threads: int) -> Any:
        if config.num_feat % CHANNELS or config.channels != COLORS:
            return None
        return network(config, parameters, threads)

    return build


RESIDUAL_BUILDERS: Mapping[type[Architecture], Callable[..., Any]] = {
    EDSRConfig: _build(_EDSR),
    SRResNetConfig: _build_srresnet,
    MSRResNetConfig: _build(_MSRResNet),
}
"""Builders of these networks. A builder returns None for unsupported sizes."""
