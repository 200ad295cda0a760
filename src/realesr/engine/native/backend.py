"""Tiles on the CPU, computed by the native engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from realesr.engine.backend import Backend
from realesr.engine.blend import stitch
from realesr.engine.native.bindings import Features, aligned_empty, write_pixels
from realesr.engine.native.networks import NativeNetwork
from realesr.engine.padding import reflect_indices
from realesr.engine.precision import FP32, Precision
from realesr.engine.tiling import TileGrid
from realesr.geometry import Size
from realesr.imaging.image import Pixels
from realesr.memory import free_host_bytes
from realesr.models.architecture import NetworkProperties
from realesr.progress import Notice, Notify, Progress


class NativeBackend:
    """A :class:`~realesr.engine.backend.Backend` that computes with the C++ library.

    Args:
        network: The network.
        make_exact: Makes a PyTorch back end of the same network, for images whose result has NaN
            or infinity: Winograd's transformed values are larger than the sums in PyTorch.
    """

    engine = "native"
    device = "cpu"
    precision: Precision = FP32
    batch_size = 1

    def __init__(self, network: NativeNetwork, make_exact: Callable[[], Backend]) -> None:
        self._network = network
        self._make_exact = make_exact

    @cached_property
    def _exact(self) -> Backend:
        return self._make_exact()

    @property
    def architecture(self) -> NetworkProperties:
        """Scale, size constraints, receptive radius and memory needs of the network."""
        return self._network.architecture

    def upscale_into(
        self, out: Pixels, pixels: Pixels, grid: TileGrid, on_tile: Progress, notify: Notify
    ) -> None:
        """Upscales images tile by tile; see :meth:`realesr.engine.backend.Backend.upscale_into`."""
        try:
            whole = _mirrored(pixels, grid.size)
            for number, _ in enumerate(self._pieces(out, whole, grid), start=1):
                on_tile(number, len(grid))
        except FloatingPointError:
            notify(
                Notice(
                    "precision-raised",
                    "a tile overflowed natively and all are done again in PyTorch's float32",
                )
            )
            self._exact.upscale_into(out, pixels, grid, on_tile, notify)

    def is_out_of_memory(self, error: Exception) -> bool:
        """Returns whether an error means that smaller tiles would help."""
        if isinstance(error, MemoryError):
            return True
        return "_exact" in vars(self) and self._exact.is_out_of_memory(error)

    def release(self) -> None:
        """Does nothing: the buffers for features shrink by themselves."""

    def free_bytes(self) -> int:
        """Returns the available memory of the host, bytes."""
        return free_host_bytes()

    def _pieces(self, out: Pixels, pixels: Pixels, grid: TileGrid) -> Iterator[None]:
        """Computes one tile per iteration and writes its part of the result.

        Raises:
            FloatingPointError: A value is not finite.
        """
        scale = self._network.architecture.scale
        if grid.blend and len(grid) > 1:
            for region, values in stitch(grid, scale, self._run_tiles(pixels, grid)):
                part = out[:, *region.slices]
                features = values.transpose(0, 2, 3, 1)[:, : part.shape[1], : part.shape[2]]
                threads = self._network.threads
                write_pixels(features, part, base=None, factor=1, threads=threads)
                yield
            return
        for tile in grid:
            upscaled = self._network(pixels[:, *tile.padded.slices])
            inner = tile.core.relative_to(tile.padded).scaled(scale)
            part = out[:, *tile.core.scaled(scale).slices]
            _check(upscaled.write(part, top=inner.y, left=inner.x))
            yield

    def _run_tiles(self, pixels: Pixels, grid: TileGrid) -> Iterator[Features]:
        """Yields the upscaled padded region of each tile, (N, 3, h * scale, w * scale) float32.

        Raises:
            FloatingPointError: A value is not finite.
        """
        for tile in grid:
            size = tile.padded.size.scaled(self._network.architecture.scale)
            sr = aligned_empty(len(pixels), size.height, size.width, 3)
            _check(self._network(pixels[:, *tile.padded.slices]).write(sr))
            yield sr.transpose(0, 3, 1, 2)


def _mirrored(pixels: Pixels, size: Size) -> Pixels:
    """Returns the images, reflected to the right and down up to a size, in contiguous memory."""
    height, width = pixels.shape[1:3]
    if (width, height) != (size.width, size.height):
        rows, columns = (
            reflect_indices(height, 0, size.height),
            reflect_indices(width, 0, size.width),
        )
        pixels = pixels[:, rows[:, None], columns]
    return np.ascontiguousarray(pixels)


def _check(is_finite: bool) -> None:
    if not is_finite:
        raise FloatingPointError
