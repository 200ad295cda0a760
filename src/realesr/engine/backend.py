"""What computes a network's tiles."""

from __future__ import annotations

from typing import Protocol

from realesr.engine.precision import Precision
from realesr.engine.tiling import TileGrid
from realesr.imaging.image import Pixels
from realesr.models.architecture import NetworkProperties
from realesr.progress import Notify, Progress


class Backend(Protocol):
    """A network on a device."""

    @property
    def architecture(self) -> NetworkProperties:
        """What must be known of the network."""
        ...

    @property
    def engine(self) -> str:
        """``native`` or ``PyTorch``."""
        ...

    @property
    def device(self) -> str:
        """Where it runs: ``cpu``, ``cuda:0``, ..."""
        ...

    @property
    def precision(self) -> Precision:
        """What it computes in."""
        ...

    @property
    def batch_size(self) -> int:
        """Largest useful batch: images of one size in one call."""
        ...

    def upscale_into(
        self, out: Pixels, pixels: Pixels, grid: TileGrid, on_tile: Progress, notify: Notify
    ) -> None:
        """Upscales images tile by tile.

        Args:
            out: (N, H * scale, W * scale, 3) uint8 or uint16, which is overwritten.
            pixels: (N, H, W, 3) uint8 or uint16 RGB.
            grid: The tiles. What lies beyond the right and lower borders is the image, mirrored;
                of the result it is cut off.
            on_tile: Called with the number of finished and of all tiles.
            notify: Receives a sentence when a tile was done again.

        Raises:
            UnsupportedCheckpointError: The network gives NaN or infinity even in float32.
            RuntimeError, MemoryError: Among others, those which :meth:`is_out_of_memory` knows.
        """
        ...

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether smaller tiles would help."""
        ...

    def release(self) -> None:
        """Gives back memory that is kept for later."""
        ...

    def free_bytes(self) -> int:
        """Memory that can still be had on the device, bytes."""
        ...
