"""The interface of the engines that compute a network's tiles."""

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
        """Scale, size constraints, receptive radius and memory needs of the network."""
        ...

    @property
    def engine(self) -> str:
        """Name of the engine: ``native``, ``PyTorch``, ``onnxruntime`` or ``openvino``."""
        ...

    @property
    def device(self) -> str:
        """Name of the device: ``cpu``, ``cuda:0``, ..."""
        ...

    @property
    def precision(self) -> Precision:
        """Number format in which the network computes."""
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
            out: (N, H * scale, W * scale, 3) uint8 or uint16 RGB, which is overwritten.
            pixels: (N, H, W, 3) uint8 or uint16 RGB.
            grid: The tiles. Beyond the right and lower borders the image is reflected; that part
                of the result is cut off.
            on_tile: Called with the number of finished tiles and the number of all tiles.
            notify: Receives a notice when a tile was computed again.

        Raises:
            UnsupportedCheckpointError: The network gives NaN or infinity even in float32.
            RuntimeError, MemoryError: Among others, the errors that :meth:`is_out_of_memory`
                recognizes.
        """
        ...

    def is_out_of_memory(self, error: Exception) -> bool:
        """Returns whether an error means that smaller tiles would help."""
        ...

    def release(self) -> None:
        """Frees cached memory."""
        ...

    def free_bytes(self) -> int:
        """Returns the available memory of the device, bytes."""
        ...
