"""SRVGGNetCompact and RRDBNet on NumPy arrays, with the convolution of the C++ library."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from realesr.engine.native.bindings import CHANNELS, Features, aligned_empty, default_threads
from realesr.engine.native.layers import (
    COLORS,
    Convolution,
    Parameters,
    RawOutput,
    Workspace,
    read,
)
from realesr.engine.native.residual import RESIDUAL_BUILDERS
from realesr.engine.tiling import strips
from realesr.imaging.image import Pixels
from realesr.models.architecture import Architecture, NetworkProperties
from realesr.models.architectures.rrdbnet import (
    NEGATIVE_SLOPE,
    RESIDUAL_SCALE,
    UPSAMPLING_REACH,
    RRDBNetConfig,
)
from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.registry import detect


class NativeNetwork(Protocol):
    """A network that the C++ library computes."""

    @property
    def architecture(self) -> NetworkProperties:
        """Scale, size constraints, receptive radius and memory needs of the network."""
        ...

    @property
    def threads(self) -> int:
        """Number of threads that compute the network."""
        ...

    def __call__(self, pixels: Pixels) -> RawOutput:
        """Upscales (N, H, W, 3) uint8 or uint16 RGB with sides that ``multiple_of`` divides."""
        ...


def build_native(
    parameters: Parameters, metadata: Mapping[str, str] | None = None, threads: int | None = None
) -> NativeNetwork | None:
    """Builds the network that parameters belong to.

    Args:
        parameters: All parameters, by the names of the published checkpoints.
        metadata: Metadata of their file.
        threads: Number of threads that compute; None for :func:`default_threads`.

    Returns:
        The network; None if the C++ library does not support it: another architecture, one channel,
        features whose number is no multiple of 16, missing or superfluous parameters.
    """
    shapes = {name: tuple(values.shape) for name, values in parameters.items()}
    try:
        architecture = detect(shapes, metadata)
    except (ValueError, TypeError, IndexError):
        return None
    if architecture is None or shapes != architecture.parameter_shapes():
        return None
    build = BUILDERS.get(type(architecture))
    if build is None:
        return None
    return build(architecture, parameters, default_threads() if threads is None else threads)


class _SRVGG:
    """SRVGGNetCompact; layers alternate between two buffers."""

    def __init__(self, config: SRVGGConfig, parameters: Parameters, threads: int) -> None:
        self.architecture = config
        self.threads = threads
        self._workspace = Workspace()
        self._inner = [
            Convolution(
                parameters[f"body.{layer}.weight"],
                parameters[f"body.{layer}.bias"],
                slopes=parameters[f"body.{layer + 1}.weight"],
                threads=threads,
            )
            for layer in range(0, 2 * (config.num_conv + 1), 2)
        ]
        last = 2 * (config.num_conv + 1)
        order = _by_pixel(config.scale)
        self._last = Convolution(
            parameters[f"body.{last}.weight"][order],
            parameters[f"body.{last}.bias"][order],
            threads=threads,
        )

    def __call__(self, pixels: Pixels) -> RawOutput:
        x = read(pixels, 1, self.threads)
        count, height, width, _ = x.shape
        most = max(self.architecture.num_feat, self._last.channels)
        ping_pong = cycle(self._workspace.features(2, count * height * width * most))
        features = x
        for conv in (*self._inner, self._last):
            shape = count, height, width, conv.channels
            features = conv(features, out=next(ping_pong)[: math.prod(shape)].reshape(shape))
        return RawOutput(features, x, self.architecture.scale, self.threads)


def _by_pixel(scale: int) -> NDArray[np.int64]:
    """Returns the order of the last channels by row, column and color.

    Published checkpoints have them by color, row and column.
    """
    return np.arange(COLORS * scale**2).reshape(COLORS, scale**2).T.ravel()


class _DenseBlock:
    """A residual dense block; every convolution adds its channels to the same array."""

    def __init__(
        self, name: str, parameters: Parameters, threads: int, gain: float = RESIDUAL_SCALE
    ) -> None:
        def convolution(number: int, **options: Any) -> Convolution:
            prefix = f"{name}.conv{number}"
            weight, bias = parameters[f"{prefix}.weight"], parameters[f"{prefix}.bias"]
            return Convolution(weight, bias, threads=threads, **options)

        self._inner = [convolution(number, slopes=NEGATIVE_SLOPE) for number in range(1, 5)]
        self._last = convolution(5, gain=gain)

    def __call__(
        self, channels: Features, *, out: Features, residuals: Sequence[tuple[Features, float]]
    ) -> None:
        """Computes the block from the first num_feat channels.

        Args:
            channels: (N, H, W, num_feat + 4 * num_grow_ch); the other channels are overwritten.
            out: (N, H, W, num_feat), receives the result.
            residuals: Arrays that are added to the result, with their factors.
        """
        count = self._last.channels
        for conv in self._inner:
            conv(channels[..., :count], out=channels[..., count : count + conv.channels])
            count += conv.channels
        self._last(channels, out=out, residuals=residuals)


class _RRDB:
    """Residual in residual: three dense blocks, each with an array of all its channels."""

    def __init__(self, name: str, num_feat: int, parameters: Parameters, threads: int) -> None:
        self._num_feat = num_feat
        self._first = _DenseBlock(f"{name}.rdb1", parameters, threads)
        self._second = _DenseBlock(f"{name}.rdb2", parameters, threads)
        # The outer residual's factor is folded into the last block.
        gain = RESIDUAL_SCALE**2
        self._third = _DenseBlock(f"{name}.rdb3", parameters, threads, gain)

    def __call__(self, one: Features, two: Features, three: Features) -> None:
        """Replaces the first num_feat channels of ``one``; everything else is overwritten."""
        a, b, c = (buffer[..., : self._num_feat] for buffer in (one, two, three))
        self._first(one, out=b, residuals=[(a, 1)])
        self._second(two, out=c, residuals=[(b, 1)])
        self._third(three, out=a, residuals=[(c, RESIDUAL_SCALE), (a, 1)])


class _RRDBNet:
    """RRDBNet; the upsampling runs in strips of a few rows."""

    def __init__(self, config: RRDBNetConfig, parameters: Parameters, threads: int) -> None:
        def convolution(name: str, **options: Any) -> Convolution:
            weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
            return Convolution(weight, bias, threads=threads, **options)

        self.architecture = config
        self.threads = threads
        self._workspace = Workspace()
        self._first = convolution("conv_first")
        self._blocks = [
            _RRDB(f"body.{number}", config.num_feat, parameters, threads)
            for number in range(config.num_block)
        ]
        self._body = convolution("conv_body")
        self._upsampling = [
            convolution(f"conv_up{step}", slopes=NEGATIVE_SLOPE)
            for step in range(1, config.upsampling_steps + 1)
        ]
        self._tail = convolution("conv_hr", slopes=NEGATIVE_SLOPE), convolution("conv_last")

    def __call__(self, pixels: Pixels) -> RawOutput:
        x = read(pixels, self.architecture.multiple_of, self.threads)
        first = self._first(x)
        num_feat = self.architecture.num_feat
        buffers = self._workspace.features(
            3, *x.shape[:3], num_feat + 4 * self.architecture.num_grow_ch
        )
        buffers[0, ..., :num_feat] = first
        for block in self._blocks:
            block(*buffers)
        features = self._body(buffers[0, ..., :num_feat], residuals=[(first, 1)])
        return RawOutput(self._upsampled(features), None, 1, self.threads)

    def _upsampled(self, features: Features) -> Features:
        """Upsamples features: (N, H, W, num_feat) to (N, 4 * H, 4 * W, 3), or 8 times for 8x."""
        count, height, width, _ = features.shape
        factor = 2 ** len(self._upsampling)
        out = np.empty((count, factor * height, factor * width, COLORS), np.float32)
        for strip in strips(height, width, UPSAMPLING_REACH):
            upsampled = self._upsample_strip(features[:, strip.rows])
            whole, own = strip.place(factor)
            out[:, whole] = upsampled[:, own, :, :COLORS]
        return out

    def _upsample_strip(self, features: Features) -> Features:
        hr, last = self._tail
        for conv in self._upsampling:
            count, height, width, _ = features.shape
            out = aligned_empty(count, 2 * height, 2 * width, conv.channels)
            features = conv(features, out=out)
        return last(hr(features))


def _build_srvgg(config: Any, parameters: Parameters, threads: int) -> NativeNetwork | None:
    if config.num_feat % CHANNELS or config.channels != COLORS:
        return None
    return _SRVGG(config, parameters, threads)


def _build_rrdbnet(config: Any, parameters: Parameters, threads: int) -> NativeNetwork | None:
    if config.num_feat % CHANNELS or config.num_grow_ch % CHANNELS or config.channels != COLORS:
        return None
    return _RRDBNet(config, parameters, threads)


BUILDERS: Mapping[type[Architecture], Callable[..., NativeNetwork | None]] = {
    SRVGGConfig: _build_srvgg,
    RRDBNetConfig: _build_rrdbnet,
    **RESIDUAL_BUILDERS,
}
"""Builders of the supported architectures. A builder returns None for unsupported sizes."""
