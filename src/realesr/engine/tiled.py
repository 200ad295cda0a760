"""Upscaling of images by a network, tile by tile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, cast

import cv2
import numpy as np

from realesr.engine.backend import Backend
from realesr.engine.device import kind_of
from realesr.engine.memory import FREE_MEMORY_FRACTION, MIN_TILE, largest_tile
from realesr.engine.precision import Precision
from realesr.engine.tiling import TileGrid
from realesr.errors import OutOfMemoryError
from realesr.geometry import Size
from realesr.imaging.alpha import bleed_colors, bound_alpha
from realesr.imaging.color_lock import lock_color
from realesr.imaging.consistency import make_consistent
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, PixelDType, Pixels, Plane
from realesr.imaging.plain import mix_with_plain
from realesr.imaging.resize import resize, resize_plane
from realesr.imaging.upscaler import Description
from realesr.progress import Notice, Notify, Progress, no_notice, no_progress

EXACT_OVERLAP = 64
"""Largest receptive radius, px, that is used in full as the context of a tile. The result then does
not depend on the tiles. Every published SRVGGNetCompact has at most 34 px."""
OVERLAP = 32
"""Context around a tile, px, for networks with a larger receptive radius (RRDBNet of 23 blocks:
349)."""
BLEND = 4
"""Distance by which the tiles of such networks overlap for blending, px. It is small because the
outer part of a tile lacks context. On general-x4v3 with 16 px of 34, it reduces the step at a seam
from 0.39 to 0.12 levels and the mean error from 0.053 to 0.044; 8 px do not reduce the step further
and increase the error again."""


_TILE_LOCK = threading.Lock()
"""Held while the tile size is chosen or halved."""


class TiledUpscaler:
    """Upscales images by a network's native scale.

    The image stays on the host; only tiles are copied to the device. Between images the object
    keeps only the tile size.

    Args:
        backend: The network on its device.
        tile: Side of a tile in input px; 0 disables tiling; None chooses the largest tile that
            fits into the free memory when the first image is upscaled. A tile that does not fit is
            halved, and the smaller size is kept.
        memory_budget: Memory for tiles if their size is chosen, bytes; None for a fraction of the
            free memory (:data:`realesr.engine.memory.FREE_MEMORY_FRACTION`).
        sharers: Number of processes that share the free memory, if there is no budget.
        tile_pad: Context around a tile, px; None for the receptive radius, or :data:`OVERLAP` if
            that is large.
        pre_pad: Reflected px that are added at the right and lower borders and cut off again.
        alpha_upsampler: ``realesrgan`` upscales alpha with the network, ``bicubic`` with a filter.
        color_lock: Whether results keep the low frequencies of their inputs.
        strength: Share of the result in a mixture with a plain upscaling, 0 to 1.
        consistency: Share of a correction after which the result, reduced, is the input, 0 to 1.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        tile: int | None = None,
        memory_budget: int | None = None,
        sharers: int = 1,
        tile_pad: int | None = None,
        pre_pad: int = 0,
        alpha_upsampler: str = "realesrgan",
        color_lock: bool = False,
        strength: float = 1.0,
        consistency: float = 0.0,
    ) -> None:
        self._backend = backend
        self._tile = tile
        self._memory_budget = memory_budget
        self._sharers = sharers
        self._alpha_upsampler = alpha_upsampler
        self._color_lock = color_lock
        self._strength = strength
        self._consistency = consistency
        sees = backend.architecture.receptive_radius
        if tile_pad is None:
            tile_pad = sees if sees <= EXACT_OVERLAP else OVERLAP
        self._overlap = min(tile_pad, sees)
        self._blend = BLEND if self._overlap < sees else 0
        self._pre_pad = pre_pad

    @property
    def scale(self) -> int:
        """Output px per input px, along each side."""
        return self._backend.architecture.scale

    @property
    def description(self) -> Description:
        """Engine, device, precision and tile size."""
        backend = self._backend
        return Description(
            engine=backend.engine,
            device=backend.device,
            precision=backend.precision.name,
            tile=self._tile,
        )

    @property
    def device(self) -> str:
        """Name of the device that computes: ``cpu``, ``cuda:0``, ..."""
        return self._backend.device

    @property
    def precision(self) -> Precision:
        """Number format in which the network computes."""
        return self._backend.precision

    @property
    def batch_size(self) -> int:
        """Largest useful batch: images of one size in one call."""
        return self._backend.batch_size

    def __call__(
        self,
        image: Image,
        *,
        dtype: PixelDType | None = None,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> Image:
        """Upscales an image.

        Args:
            image: Image of 8 or 16 bits. A gray image stays gray; alpha is upscaled as well.
            dtype: Depth of the result, uint8 or uint16; None for the depth of the image. uint16
                avoids a second rounding to 8 bits if a resize follows.
            on_tile: Called with the number of finished tiles and the number of all tiles.
            notify: Receives a notice when the tile size was halved or a tile computed again.

        Raises:
            OutOfMemoryError: The result, or the smallest tile, does not fit into the memory.
            UnsupportedCheckpointError: The network gives NaN or infinity even in float32.
        """
        return self.upscale([image], dtype=dtype, on_tile=on_tile, notify=notify)[0]

    def upscale(
        self,
        images: Sequence[Image],
        *,
        dtype: PixelDType | None = None,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> list[Image]:
        """Upscales images of the same kind and size together; see :meth:`__call__`."""
        dtype = images[0].pixels.dtype if dtype is None else dtype
        alphas = [image.alpha for image in images if image.alpha is not None]
        pixels = np.stack(
            [
                image.pixels if image.alpha is None else bleed_colors(image.pixels, image.alpha)
                for image in images
            ]
        )
        passes = 1 + any(map(self._is_for_network, alphas))
        try:
            upscaled = list(
                self._upscale(
                    pixels, dtype, lambda done, total: on_tile(done, total * passes), notify
                )
            )
            for index, (result, source) in enumerate(zip(upscaled, pixels, strict=True)):
                self._follow_input(result, source, images[index].alpha, notify)
            if images[0].is_gray:
                upscaled = [np.repeat(_luma(each)[..., None], 3, axis=2) for each in upscaled]
            alphas = self._upscale_alphas(
                alphas, dtype, lambda done, total: on_tile(total + done, total * passes), notify
            )
        except MemoryError as error:
            if isinstance(error, OutOfMemoryError):
                raise
            raise OutOfMemoryError(
                f"the result of {images[0].size.scaled(self.scale)} px does not fit into the memory"
            ) from error
        return [
            replace(image, pixels=each, alpha=alpha)
            for image, each, alpha in zip(
                images, upscaled, alphas or (None,) * len(images), strict=True
            )
        ]

    @property
    def preroll(self) -> int:
        """0: every frame is upscaled by itself."""
        return 0

    def session(self, source: Path, *, is_video: bool) -> Self:
        """Returns this object, which keeps no state of a job."""
        return self

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> list[Image]:
        """Upscales images by the native scale and resizes them if the size differs.

        Args:
            images: Images of the same kind and size.
            size: Size of the results, px.
            on_tile: Called with the number of finished tiles and the number of all tiles.
            notify: Receives a notice when the tile size was halved or a tile computed again.

        Returns:
            The results in the depth of the images, rounded once.

        Raises:
            OutOfMemoryError: A result, or the smallest tile, does not fit into the memory.
            UnsupportedCheckpointError: The network gives NaN or infinity even in float32.
        """
        if size == images[0].size.scaled(self.scale):
            return self.upscale(images, on_tile=on_tile, notify=notify)
        finer = self.upscale(images, dtype=np.dtype(np.uint16), on_tile=on_tile, notify=notify)
        return [resize(each, size, images[0].pixels.dtype) for each in finer]

    def _follow_input(
        self, result: Pixels, source: Pixels, alpha: Plane | None, notify: Notify
    ) -> None:
        """Brings what a network gave nearer to its input, in place, as the options say."""
        if self._color_lock:
            lock_color(result, source)
        if self._strength < 1:
            mix_with_plain(result, source, self._strength)
        if self._consistency == 0:
            return
        share = make_consistent(result, source, self._consistency, alpha=alpha)
        if share < 1:
            # Without numbers, so that it is told once for all frames of a video.
            so = "which does nothing" if share == 0 else "of which a part is used"
            notify(Notice("input-noisy", f"the input is too noisy for `consistency`, {so}"))

    def _is_for_network(self, alpha: Plane) -> bool:
        """Returns whether the network upscales an alpha; a constant alpha does not need it."""
        return self._alpha_upsampler == "realesrgan" and bool(alpha.min() < alpha.max())

    def _upscale_alphas(
        self, alphas: Sequence[Plane], dtype: PixelDType, on_tile: Progress, notify: Notify
    ) -> list[Plane]:
        if any(map(self._is_for_network, alphas)):
            pixels = np.repeat(np.stack(alphas)[..., None], 3, axis=3)
            upscaled = list(map(_luma, self._upscale(pixels, dtype, on_tile, notify)))
        else:
            upscaled = [
                resize_plane(alpha, Size(*alpha.shape[::-1]).scaled(self.scale), dtype, "bicubic")
                for alpha in alphas
            ]
        return [
            bound_alpha(plane, convert_depth(alpha, dtype), self.scale)
            for plane, alpha in zip(upscaled, alphas, strict=True)
        ]

    def _upscale(
        self, pixels: Pixels, dtype: PixelDType, on_tile: Progress, notify: Notify
    ) -> Pixels:
        """Upscales (N, H, W, 3); starts again with smaller tiles while they do not fit."""
        count, height, width, _ = pixels.shape
        out = np.empty((count, height * self.scale, width * self.scale, 3), dtype)
        is_done = False
        while not is_done:
            tile = self._tile_for(out.nbytes)
            try:
                self._backend.upscale_into(out, pixels, self._grid(pixels, tile), on_tile, notify)
                is_done = True
            except (RuntimeError, MemoryError) as error:
                if not self._backend.is_out_of_memory(error):
                    raise
                self._halve_tile(tile, max(height, width), error)
                notify(
                    Notice(
                        "tile-halved",
                        f"out of memory on {self.device}: starting again with `tile` {self._tile}",
                    )
                )
            if not is_done:
                self._backend.release()  # after the error, whose frames held the tensors
        return out

    def _halve_tile(self, tile: int, longest_side: int, error: Exception) -> None:
        """Halves the tile size once for all threads that ran out of memory with it.

        Raises:
            OutOfMemoryError: The tile is already the smallest.
        """
        with _TILE_LOCK:
            if self._tile == tile:
                self._tile = self._halved(tile, longest_side, error)

    def _halved(self, tile: int, longest_side: int, error: Exception) -> int:
        used = min(tile or longest_side, longest_side)
        if used <= MIN_TILE:
            raise OutOfMemoryError(
                f"not even a tile of {used} px fits into the memory of {self.device}: free some, "
                "or use `device` cpu or a smaller model"
            ) from error
        return max(MIN_TILE, -(-used // 2))

    def _grid(self, pixels: Pixels, tile: int) -> TileGrid:
        """Returns the tiles of images, (N, H, W, 3), including the padding of the images."""
        architecture = self._backend.architecture
        height, width = (side + self._pre_pad for side in pixels.shape[1:3])
        size = Size(width, height)
        padding = size.padding_to(
            multiple_of=architecture.multiple_of, minimum=architecture.min_size
        )
        return TileGrid(
            size=Size(width + padding.right, height + padding.bottom),
            tile=tile,
            overlap=self._overlap,
            blend=self._blend,
            multiple_of=architecture.multiple_of,
        )

    def _tile_for(self, result_bytes: int = 0) -> int:
        """Returns the side of tiles, px; chooses it at the first call if it is not set."""
        with _TILE_LOCK:
            if self._tile is None:
                backend, budget = self._backend, self._memory_budget
                if budget is None:
                    share = FREE_MEMORY_FRACTION.get(kind_of(self.device), 0.5)
                    budget = int(share * backend.free_bytes() / self._sharers)
                self._tile = largest_tile(
                    backend.architecture,
                    backend.precision.itemsize,
                    backend.device,
                    self._overlap,
                    budget=budget,
                    batch=backend.batch_size,
                    result_bytes=result_bytes,
                )
            return self._tile


def _luma(pixels: Pixels) -> Plane:
    """Returns the BT.601 luma, (H, W), of (H, W, 3) RGB."""
    return cast(Plane, cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
