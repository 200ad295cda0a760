"""Tiles on the CPU, computed by the native engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from realesr.engine.backend import Backend
from realesr.engine.blend import stitch
from realesr.engine.memory import free_host_bytes
from realesr.engine.native.bindings import Features, aligned_empty, write_pixels
from realesr.engine.native.networks import NativeNetwork
from realesr.engine.padding import mirror
from realesr.engine.precision import FP32, Precision
from realesr.engine.tiling import TileGrid
from realesr.geometry import Size
from realesr.imaging.image import Pixels
from realesr.models.architecture import NetworkProperties
from realesr.progress import Notice, Notify, Progress


class NativeBackend:
    """A :class:`~realesr.engine.backend.Backend`.

    Args:
        network: What the native engine computes.
        make_exact: Gives the same network in PyTorch, for images that come out with NaN or
            infinity: transformed values are larger than those that PyTorch adds up.
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
        """What must be known of the network."""
        return self._network.architecture

    def upscale_into(
        self, out: Pixels, pixels: Pixels, grid: TileGrid, on_tile: Progress, notify: Notify
    ) -> None:
        """Upscales images tile by tile."""
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
        """Whether smaller tiles would help."""
        if isinstance(error, MemoryError):
            return True
        return "_exact" in vars(self) and self._exact.is_out_of_memory(error)

    def release(self) -> None:
        """Does nothing: what is kept for features shrinks by itself."""

    def free_bytes(self) -> int:
        """Memory of the host that can still be had, bytes."""
        return free_host_bytes()

    def _pieces(self, out: Pixels, pixels: Pixels, grid: TileGrid) -> Iterator[None]:
        """Writes a part of the result for each tile.

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
        """Upscales the padded region of each tile: (N, 3, h * scale, w * scale)."""
        for tile in grid:
            size = tile.padded.size.scaled(self._network.architecture.scale)
            sr = aligned_empty(len(pixels), size.height, size.width, 3)
            _check(self._network(pixels[:, *tile.padded.slices]).write(sr))
            yield sr.transpose(0, 3, 1, 2)


def _mirrored(pixels: Pixels, size: Size) -> Pixels:
    """The images, continued to the right and down, in memory without gaps."""
    height, width = pixels.shape[1:3]
    if (width, height) != (size.width, size.height):
        rows, columns = mirror(height, 0, size.height), mirror(width, 0, size.width)
        pixels = pixels[:, rows[:, None], columns]
    return np.ascontiguousarray(pixels)


def _check(is_finite: bool) -> None:
    if not is_finite:
        raise FloatingPointError
