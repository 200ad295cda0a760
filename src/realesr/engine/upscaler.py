"""A picture through a network, tile by tile."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from realesr.engine.memory import keep_freed_memory
from realesr.engine.tensor import to_pixels, to_tensor
from realesr.engine.tiling import Tile, TileGrid
from realesr.errors import OutOfMemoryError
from realesr.imaging.image import Image, PixelDType, Pixels
from realesr.models.base import SRModel

logger = logging.getLogger(__name__)

MAX_OVERLAP = 32
"""Context around a tile in px for networks that see farther than this; their seams are then faint
but not zero (RRDBNet of 23 blocks sees 349 px)."""

TileCallback = Callable[[int, int], None]


class Upscaler:
    """Enlarges pictures by a network's native scale. Keeps no state between pictures.

    The picture stays on the host and only tiles travel to the device. Where the network's
    ``receptive_radius`` is at most :data:`MAX_OVERLAP` the result does not depend on the tile.

    Args:
        model: A module that is an :class:`~realesr.models.base.SRModel`, in float32.
        device: Where it runs.
        dtype: The precision it runs in. A tile that comes out with NaN or infinity is done again
            in float32.
        tile: Side of a tile in input px; 0 takes the picture whole.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        tile: int = 0,
    ) -> None:
        keep_freed_memory()
        self._device = device
        self._dtype = dtype
        self._tile = tile
        self._exact = model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network: nn.Module = (
            self._exact if dtype == torch.float32 else copy.deepcopy(self._exact).to(dtype)
        )
        self._model = cast(SRModel, model)

    @property
    def scale(self) -> int:
        """Output pixels per input pixel, along each side."""
        return self._model.scale

    def __call__(
        self,
        image: Image,
        *,
        dtype: PixelDType | None = None,
        on_tile: TileCallback = lambda done, total: None,
    ) -> Image:
        """Enlarges a picture.

        Args:
            image: Any depth; a grey one stays grey.
            dtype: Depth of the result, uint8 or uint16; the picture's own if None. Ask for uint16
                where a resize follows, so that rounding to 8 bits happens once.
            on_tile: Called with the number of finished and of all tiles.

        Raises:
            OutOfMemoryError: A tile does not fit into the device's memory.
        """
        out_dtype = image.pixels.dtype if dtype is None else dtype
        padding = image.size.padding_to(
            multiple_of=self._model.multiple_of, minimum=self._model.min_size
        )
        pixels = image.pixels
        if padding:
            pixels = np.pad(pixels, ((0, padding.bottom), (0, padding.right), (0, 0)), "reflect")
        enlarged = self._enlarge(pixels, out_dtype, on_tile)
        size = image.size.scaled(self.scale)
        enlarged = enlarged[: size.height, : size.width]
        if image.is_gray:
            enlarged = _neutral(enlarged)
        return Image(enlarged, is_gray=image.is_gray)

    def _enlarge(self, pixels: Pixels, dtype: PixelDType, on_tile: TileCallback) -> Pixels:
        size = Image(pixels).size
        grid = TileGrid(
            size=size,
            tile=self._tile,
            overlap=min(self._model.receptive_radius, MAX_OVERLAP),
            multiple_of=self._model.multiple_of,
        )
        out = np.empty((size.height * self.scale, size.width * self.scale, 3), dtype)
        for number, tile in enumerate(grid, start=1):
            sr = self._run_tile(pixels[tile.padded.slices], tile)
            out[tile.core.scaled(self.scale).slices] = to_pixels(sr, dtype)
            on_tile(number, len(grid))
        return out

    def _run_tile(self, pixels: Pixels, tile: Tile) -> Tensor:
        """The core of a tile: (1, 3, h * scale, w * scale), float."""
        try:
            sr = self._infer(self._network, pixels, self._dtype)
            if self._network is not self._exact and not bool(torch.isfinite(sr).all()):
                logger.warning("a tile overflowed in %s and is done again in float32", self._dtype)
                sr = self._infer(self._exact, pixels, torch.float32)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            raise OutOfMemoryError(
                f"a tile of {tile.padded.size} px does not fit into the memory of {self._device}: "
                f"use a smaller --tile (now {self._tile})"
            ) from error
        rows, columns = tile.core.relative_to(tile.padded).scaled(self.scale).slices
        return sr[..., rows, columns]

    @torch.inference_mode()
    def _infer(self, network: nn.Module, pixels: Pixels, dtype: torch.dtype) -> Tensor:
        return cast(Tensor, network(to_tensor(pixels, self._device, dtype)))


def _is_out_of_memory(error: RuntimeError) -> bool:
    """On the CPU PyTorch raises a bare RuntimeError that names its allocator."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _neutral(pixels: Pixels) -> Pixels:
    """The luma (BT.601) in all three channels."""
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
