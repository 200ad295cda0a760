"""SRVGGNetCompact and RRDBNet on arrays, around the compiled convolution."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from realesr.engine.native.bindings import (
    CHANNELS,
    Features,
    aligned_empty,
    convolve,
    default_threads,
    read_pixels,
    write_pixels,
)
from realesr.engine.tiling import strips
from realesr.geometry import round_up
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

COLORS = 3
WASTE = 3
"""How many times as much room is kept as is asked for; smaller tiles mean that memory was short."""
SLACK = 1.15
"""How much more room is taken than asked for: tiles inside an image are larger than the first."""

_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""Transforms weights along an axis, for the points 0, 1, -1, 2, -2 and infinity: Lavin and Gray,
"Fast Algorithms for Convolutional Neural Networks", 2015 (arXiv 1509.09308)."""

Parameters = Mapping[str, NDArray[np.float32]]


class NativeNetwork(Protocol):
    """A network that the compiled part computes."""

    @property
    def architecture(self) -> NetworkProperties:
        """What the engine must know of the network."""
        ...

    @property
    def threads(self) -> int:
        """Number of threads that compute it."""
        ...

    def __call__(self, pixels: Pixels) -> RawOutput:
        """Upscales (N, H, W, 3) uint8 or uint16 RGB with sides that ``multiple_of`` divides."""
        ...


@dataclass(frozen=True, slots=True)
class RawOutput:
    """What a network gives, before it becomes pixels; good until the thread runs the next one.

    Attributes:
        features: (N, H, W, C) for H * ``factor`` x W * ``factor`` px.
        base: Added to the px, (N, H, W, C); None for nothing.
        factor: Of the pixel-shuffle.
        threads: How many write pixels.
    """

    features: Features
    base: Features | None
    factor: int
    threads: int

    def write(self, out: NDArray[Any], *, top: int = 0, left: int = 0) -> bool:
        """Writes a part of the result.

        Args:
            out: (N, h, w, 3) uint8 or uint16, clamped and rounded, or float32. Its sides are
                multiples of the factor.
            top: Where it begins in the result, px: a multiple of the factor.
            left: As ``top``.

        Returns:
            Whether all values are finite. Otherwise what was written is of no use.
        """
        top, left, height, width = (
            length // self.factor for length in (top, left, *out.shape[1:3])
        )
        part = np.s_[:, top : top + height, left : left + width]
        return write_pixels(
            self.features[part],
            out,
            base=None if self.base is None else self.base[part],
            factor=self.factor,
            threads=self.threads,
        )


def build_native(
    parameters: Parameters, metadata: Mapping[str, str] | None = None, threads: int | None = None
) -> NativeNetwork | None:
    """Makes the network that parameters belong to.

    Args:
        parameters: All of them, by the names of the published checkpoints.
        metadata: What their file says of itself.
        threads: Number of threads that compute; None for :func:`default_threads`.

    Returns:
        None where the compiled part is not made for it: another architecture, features that are no
        multiples of 16 channels, missing or superfluous parameters.
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


class Convolution:
    """A 3x3 convolution with stride 1 and zero padding 1.

    Args:
        weight: (O, I, 3, 3).
        bias: (O,).
        slopes: Factor on negative results: one, or (O,); None for no activation.
        gain: Factor on the result, before what residuals add.
        threads: How many compute.
    """

    def __init__(
        self,
        weight: Features,
        bias: Features,
        *,
        slopes: float | Features | None = None,
        gain: float = 1.0,
        threads: int,
    ) -> None:
        outputs, inputs = weight.shape[:2]
        more = (0, -outputs % CHANNELS)
        weight = np.pad(weight, (more, (0, -inputs % CHANNELS), (0, 0), (0, 0)))
        self._weights = _transformed(weight * np.float32(gain))
        self._bias = np.pad(bias * np.float32(gain), more)
        self._slopes = None
        if slopes is not None:
            each = np.broadcast_to(np.asarray(slopes, np.float32), (outputs,))
            self._slopes = np.pad(each, more)
        self._threads = threads

    @property
    def channels(self) -> int:
        """Of the result: those asked for, rounded up."""
        return len(self._bias)

    def __call__(
        self,
        features: Features,
        *,
        out: Features | None = None,
        residuals: Sequence[tuple[Features, float]] = (),
    ) -> Features:
        """Convolves, as :func:`realesr.engine.native.bindings.convolve` describes it."""
        if out is None:
            out = aligned_empty(*features.shape[:3], self.channels)
        convolve(
            features,
            out,
            weights=self._weights,
            bias=self._bias,
            slopes=self._slopes,
            residuals=residuals,
            threads=self._threads,
        )
        return out


def _transformed(weight: Features) -> Features:
    """(O, I, 3, 3) -> (36, I, O)."""
    outputs, inputs = weight.shape[:2]
    kernels = weight.transpose(2, 3, 1, 0).reshape(9, -1)
    points: Features = np.kron(_G, _G).astype(np.float32) @ kernels
    return points.reshape(36, inputs, outputs)


class _Workspace(threading.local):
    """Per-thread buffer for features, reused from tile to tile.

    Tiles differ slightly in size; allocating each one would fragment the heap, because freed memory
    is kept.
    """

    def __init__(self) -> None:
        self._values = np.empty(0, np.float32)

    def __reduce__(self) -> tuple[type[_Workspace], tuple[()]]:
        """A copy is empty."""
        return _Workspace, ()

    def features(self, *shape: int) -> Features:
        """Undefined values."""
        count = math.prod(shape)
        wanted = int(SLACK * count)
        if not count <= self._values.size <= WASTE * wanted:
            self._values = np.empty(0, np.float32)  # before there is more
            self._values = aligned_empty(wanted)
        return self._values[:count].reshape(shape)


def _read(pixels: Pixels, factor: int, threads: int) -> Features:
    """(N, H * factor, W * factor, 3) -> (N, H, W, C)."""
    count, height, width, _ = pixels.shape
    channels = round_up(COLORS * factor**2, CHANNELS)
    features = np.empty((count, height // factor, width // factor, channels), np.float32)
    read_pixels(pixels, features, factor=factor, threads=threads)
    return features


class _SRVGG:
    """SRVGGNetCompact in two arrays of features, which take turns."""

    def __init__(self, config: SRVGGConfig, parameters: Parameters, threads: int) -> None:
        self.architecture = config
        self.threads = threads
        self._room = _Workspace()
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
        x = _read(pixels, 1, self.threads)
        count, height, width, _ = x.shape
        most = max(self.architecture.num_feat, self._last.channels)
        turns = cycle(self._room.features(2, count * height * width * most))
        features = x
        for conv in (*self._inner, self._last):
            shape = count, height, width, conv.channels
            features = conv(features, out=next(turns)[: math.prod(shape)].reshape(shape))
        return RawOutput(features, x, self.architecture.scale, self.threads)


def _by_pixel(scale: int) -> NDArray[np.int64]:
    """Sorts the last channels by row, column and color; published are color, row and column."""
    return np.arange(COLORS * scale**2).reshape(COLORS, scale**2).T.ravel()


class _DenseBlock:
    """A residual dense block in one array, to which every convolution adds its channels."""

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
        """Reads the first num_feat channels, fills the others, and writes the result to ``out``."""
        count = self._last.channels
        for conv in self._inner:
            conv(channels[..., :count], out=channels[..., count : count + conv.channels])
            count += conv.channels
        self._last(channels, out=out, residuals=residuals)


class _RRDB:
    """Residual in residual, in three arrays of all channels of a dense block."""

    def __init__(self, name: str, num_feat: int, parameters: Parameters, threads: int) -> None:
        self._num_feat = num_feat
        self._first = _DenseBlock(f"{name}.rdb1", parameters, threads)
        self._second = _DenseBlock(f"{name}.rdb2", parameters, threads)
        # What is around all three is folded into the last one.
        gain = RESIDUAL_SCALE**2
        self._third = _DenseBlock(f"{name}.rdb3", parameters, threads, gain)

    def __call__(self, one: Features, two: Features, three: Features) -> None:
        """Changes the first num_feat channels of ``one``; the rest is room to work in."""
        a, b, c = (room[..., : self._num_feat] for room in (one, two, three))
        self._first(one, out=b, residuals=[(a, 1)])
        self._second(two, out=c, residuals=[(b, 1)])
        self._third(three, out=a, residuals=[(c, RESIDUAL_SCALE), (a, 1)])


class _RRDBNet:
    """RRDBNet; its tail takes a few rows at a time."""

    def __init__(self, config: RRDBNetConfig, parameters: Parameters, threads: int) -> None:
        def convolution(name: str, **options: Any) -> Convolution:
            weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
            return Convolution(weight, bias, threads=threads, **options)

        self.architecture = config
        self.threads = threads
        self._room = _Workspace()
        self._first = convolution("conv_first")
        self._blocks = [
            _RRDB(f"body.{number}", config.num_feat, parameters, threads)
            for number in range(config.num_block)
        ]
        self._body = convolution("conv_body")
        self._tail = [
            *(convolution(name, slopes=NEGATIVE_SLOPE) for name in ("conv_up1", "conv_up2")),
            convolution("conv_hr", slopes=NEGATIVE_SLOPE),
            convolution("conv_last"),
        ]

    def __call__(self, pixels: Pixels) -> RawOutput:
        x = _read(pixels, self.architecture.multiple_of, self.threads)
        first = self._first(x)
        num_feat = self.architecture.num_feat
        rooms = self._room.features(3, *x.shape[:3], num_feat + 4 * self.architecture.num_grow_ch)
        rooms[0, ..., :num_feat] = first
        for block in self._blocks:
            block(*rooms)
        features = self._body(rooms[0, ..., :num_feat], residuals=[(first, 1)])
        return RawOutput(self._upsampled(features), None, 1, self.threads)

    def _upsampled(self, features: Features) -> Features:
        """(N, H, W, num_feat) -> (N, 4 * H, 4 * W, 3)."""
        count, height, width, _ = features.shape
        out = np.empty((count, 4 * height, 4 * width, COLORS), np.float32)
        for strip in strips(height, width, UPSAMPLING_REACH):
            upsampled = self._upsample_strip(features[:, strip.first : strip.last])
            inner = slice(4 * (strip.top - strip.first), 4 * (strip.bottom - strip.first))
            out[:, 4 * strip.top : 4 * strip.bottom] = upsampled[:, inner, :, :COLORS]
        return out

    def _upsample_strip(self, features: Features) -> Features:
        up1, up2, hr, last = self._tail
        for conv in (up1, up2):
            count, height, width, _ = features.shape
            out = aligned_empty(count, 2 * height, 2 * width, conv.channels)
            features = conv(features, out=out)
        return last(hr(features))


def _build_srvgg(config: Any, parameters: Parameters, threads: int) -> NativeNetwork | None:
    return None if config.num_feat % CHANNELS else _SRVGG(config, parameters, threads)


def _build_rrdbnet(config: Any, parameters: Parameters, threads: int) -> NativeNetwork | None:
    if config.num_feat % CHANNELS or config.num_grow_ch % CHANNELS:
        return None
    return _RRDBNet(config, parameters, threads)


BUILDERS: Mapping[type[Architecture], Callable[..., NativeNetwork | None]] = {
    SRVGGConfig: _build_srvgg,
    RRDBNetConfig: _build_rrdbnet,
}
"""What the compiled part can compute. A builder returns None where sizes do not suit it."""
