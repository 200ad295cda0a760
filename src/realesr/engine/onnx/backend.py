"""Tiles computed by onnxruntime or OpenVINO."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realesr.engine.blend import stitch
from realesr.engine.onnx.network import OnnxNetwork
from realesr.engine.padding import reflect_indices
from realesr.engine.precision import FP16, FP32, Precision
from realesr.engine.tiling import Tile, TileGrid
from realesr.errors import UnsupportedCheckpointError
from realesr.imaging.image import PixelDType, Pixels
from realesr.memory import free_host_bytes
from realesr.models.architecture import NetworkProperties
from realesr.progress import Notify, Progress

Values = NDArray[np.float32]


class OnnxBackend:
    """A :class:`~realesr.engine.backend.Backend` for a network in an ONNX file.

    Args:
        network: The network in its runtime.
        engine: Name of the runtime.
    """

    batch_size = 1

    def __init__(self, network: OnnxNetwork, engine: str) -> None:
        self._network = network
        self.engine = engine
        self.device = network.session.device
        self.precision: Precision = FP16 if network.is_half else FP32

    @property
    def architecture(self) -> NetworkProperties:
        """Scale, size constraints, receptive radius and memory needs of the network."""
        return self._network

    def upscale_into(
        self, out: Pixels, pixels: Pixels, grid: TileGrid, on_tile: Progress, notify: Notify
    ) -> None:
        """Upscales images tile by tile; see :meth:`realesr.engine.backend.Backend.upscale_into`."""
        upscaled = (self._run(pixels, tile) for tile in grid)
        pieces = stitch(grid, self._network.scale, upscaled)
        for number, (region, values) in enumerate(pieces, start=1):
            part = out[:, *region.slices]
            height, width = part.shape[1:3]
            part[:] = _to_pixels(values[..., :height, :width], out.dtype)
            on_tile(number, len(grid))

    def is_out_of_memory(self, error: Exception) -> bool:
        """Returns whether smaller tiles would help: not if the network takes one size alone."""
        return isinstance(error, MemoryError) and self._network.fixed_tile is None

    def release(self) -> None:
        """Does nothing: the runtime keeps its memory for the next tile."""

    def free_bytes(self) -> int:
        """Returns the available memory of the host, bytes; runtimes do not tell that of a GPU."""
        return free_host_bytes()

    def allowed_tiles(
        self, tile: int | None, overlap: int | None, usual: int
    ) -> tuple[int | None, int | None]:
        """Returns the side of tiles and the context around them, px, that the network allows.

        Args:
            tile: Requested side; 0 for none; None for what fits into memory.
            overlap: Requested context; None for what the network needs.
            usual: Context that is taken if none is requested and the network takes one size alone.
        """
        side = self._network.fixed_tile
        if side is None:
            return tile, overlap
        overlap = self._network.overlap(usual if overlap is None else overlap)
        return side - 2 * overlap, overlap

    def _run(self, pixels: Pixels, tile: Tile) -> Values:
        """Returns a tile's padded region, upscaled: (N, 3, h * scale, w * scale) float32.

        Raises:
            UnsupportedCheckpointError: The network gives NaN or infinity.
        """
        region = tile.padded
        size, scale = region.size, self._network.scale
        height, width = (
            own if fixed is None else fixed
            for own, fixed in zip((size.height, size.width), self._network.fixed, strict=True)
        )
        rows = reflect_indices(pixels.shape[1], region.y, region.y + height)
        columns = reflect_indices(pixels.shape[2], region.x, region.x + width)
        part = pixels[:, rows[:, None], columns].astype(np.float32)
        part *= np.float32(1 / np.iinfo(pixels.dtype).max)
        sr = self._network(part.transpose(0, 3, 1, 2))
        if not np.isfinite(sr.sum(dtype=np.float64)):
            remedy = "its weights are damaged"
            if self.precision == FP16:
                remedy = "it overflows in fp16: use a file in fp32"
            raise UnsupportedCheckpointError(
                f"the network gives values that are not finite: {remedy}"
            )
        return sr[..., : size.height * scale, : size.width * scale]


def _to_pixels(values: Values, dtype: PixelDType) -> Pixels:
    """Converts (N, 3, H, W) in [0, 1] to (N, H, W, 3), clamped and rounded."""
    peak = np.iinfo(dtype).max
    rounded = np.rint(values * np.float32(peak)).clip(0, peak)
    result: Pixels = rounded.transpose(0, 2, 3, 1).astype(dtype)
    return result
