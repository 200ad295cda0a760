"""Upscaling arrays from Python: what ``from realesr import Upscaler`` gives."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from realesr.imaging.image import Image
from realesr.imaging.upscaler import ImageUpscaler
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_face_files, ensure_files
from realesr.options import Target, UpscaleOptions

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Upscaler:
    """Upscales images held as arrays. Made by :meth:`from_name` or :meth:`from_file`.

    Example:
        >>> from realesr import Upscaler
        >>> upscaler = Upscaler.from_name("realesr-photo-x4")
        >>> upscaler(np.zeros((30, 40, 3), np.uint8)).shape
        (120, 160, 3)
    """

    _upscaler: ImageUpscaler

    @classmethod
    def from_name(cls, name: str, **options: Any) -> Self:
        """Loads a model of the catalog, or a plain filter; downloads it if it is not here.

        Args:
            name: A name of ``realesr models list``.
            **options: ``device``, ``precision``, ``tile``, ``tile_pad``, ``pre_pad``,
                ``denoise_strength``, ``alpha_upsampler``, ``faces``: as of
                :class:`realesr.options.UpscaleOptions`.

        Raises:
            UnknownModelError: There is none of that name.
            InvalidOptionError: An option has a value outside its range.
            WeightsError: The weights cannot be had.
            DeviceError: The device, or the precision on it, is not there.
        """
        return cls._made(UpscaleOptions(model_name=name, **options))

    @classmethod
    def from_file(cls, path: str | PathLike[str], **options: Any) -> Self:
        """Loads a file of weights, ``.safetensors`` or ``.pth``.

        Args:
            path: The file; its architecture is read off the parameters.
            **options: As of :meth:`from_name`.

        Raises:
            InvalidOptionError, WeightsError, DeviceError: As of :meth:`from_name`.
        """
        return cls._made(UpscaleOptions(model_path=Path(path), **options))

    @classmethod
    def _made(cls, options: UpscaleOptions) -> Self:
        return cls(make_upscaler(options, ensure_files(options), ensure_face_files(options)))

    @property
    def scale(self) -> int:
        """Output px per input px along each side, where nothing else is asked for."""
        return self._upscaler.scale

    def __call__(
        self,
        pixels: Array,
        *,
        outscale: float | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> Array:
        """Upscales an image.

        Args:
            pixels: (H, W) gray, (H, W, 3) RGB or (H, W, 4) RGB and alpha; uint8 or uint16 over
                the full range. OpenCV's BGR must be turned round: ``pixels[..., ::-1]``.
            outscale: How many times larger; the model's own scale if None.
            width: Width in px instead; alone it keeps the proportions.
            height: Height in px instead; alone it keeps the proportions.

        Returns:
            The same channels and depth, larger.

        Raises:
            ValueError: The array has another shape or dtype.
            InvalidOptionError: A size is outside its range.
            OutOfMemoryError: It does not fit into memory.
        """
        image = _as_image(pixels)
        target = Target(outscale=outscale, width=width, height=height)
        (upscaled,) = self._upscaler.upscale_to([image], target.size_of(image.size, self.scale))
        if image.is_gray:
            return np.ascontiguousarray(upscaled.pixels[..., 0])
        if upscaled.alpha is not None:
            return np.dstack((upscaled.pixels, upscaled.alpha))
        return upscaled.pixels


def _as_image(pixels: Array) -> Image:
    if pixels.ndim == 2:
        return Image(np.repeat(pixels[..., None], 3, axis=2), is_gray=True)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return Image(
            np.ascontiguousarray(pixels[..., :3]), alpha=np.ascontiguousarray(pixels[..., 3])
        )
    return Image(pixels)
