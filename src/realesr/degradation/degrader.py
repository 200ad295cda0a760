"""Degradation of image files: an "upscaler" that makes images smaller and worse."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from realesr.degradation.levels import FIXED_LEVELS, LEVELS, FixedDamage, degrade_fixed
from realesr.degradation.operations import ImageArray, quantize
from realesr.degradation.pipeline import DegradationConfig, Observer, degrade
from realesr.errors import UnsupportedMediaError
from realesr.geometry import Size
from realesr.imaging.alpha import bleed_colors
from realesr.imaging.image import Image, Pixels, Plane
from realesr.imaging.matlab import imresize
from realesr.imaging.upscaler import Description
from realesr.options import DamageOptions
from realesr.progress import Notice, Notify, Progress, no_notice, no_progress


def _unobserved(step: object, image: ImageArray) -> None:
    """Ignores a step."""


@dataclass(frozen=True, slots=True)
class Degrader:
    """Damages images as a level says; an :class:`~realesr.imaging.upscaler.ImageUpscaler`.

    The randomness of an image depends on ``seed`` and the name of its file alone.

    Attributes:
        level: Random or fixed damage.
        reduction: Input px per result px, along each side.
        seed: Seed of all random numbers.
        name: Name of the file.
        observe: Called after each step with the step and its result.
    """

    level: DegradationConfig | FixedDamage
    reduction: int
    seed: int = 0
    name: str = ""
    observe: Observer = _unobserved

    @property
    def description(self) -> Description:
        """Description without device and precision."""
        return Description(engine="filter")

    @property
    def scale(self) -> int:
        """1: the size of the result comes from the options of the run."""
        return 1

    @property
    def batch_size(self) -> int:
        """1: images are damaged one by one."""
        return 1

    @property
    def preroll(self) -> int:
        """0: images do not depend on each other."""
        return 0

    def session(self, source: Path, *, is_video: bool) -> Degrader:
        """Returns a degrader whose randomness is that of the file's name."""
        return replace(self, name=source.name)

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> list[Image]:
        """Damages images.

        Args:
            images: Images of either depth.
            size: Size of the results, px: that of an image divided by ``reduction``, rounded down.
            on_tile: Not called.
            notify: Receives what is left out: columns and rows, bits.

        Returns:
            Images of 8 bits. Alpha is reduced without damage; gray stays gray.

        Raises:
            UnsupportedMediaError: An image has fewer px on a side than ``reduction``.
        """
        return [self._damaged(image, size, notify) for image in images]

    def clean(self, image: Image) -> ImageArray:
        """Returns what is damaged of an image: whole px of the result, without transparency.

        Args:
            image: Image of either depth.

        Returns:
            (H, W, 3) float32 RGB in [0, 1], whose sides are multiples of ``reduction``.

        Raises:
            UnsupportedMediaError: The image has fewer px on a side than ``reduction``.
        """
        whole = self._whole(image.size)
        pixels = image.pixels
        if image.alpha is not None:
            pixels = bleed_colors(pixels, image.alpha)
        return _unit(pixels[: whole.height, : whole.width])

    def _whole(self, size: Size) -> Size:
        factor = self.reduction
        if min(size.width, size.height) < factor:
            raise UnsupportedMediaError(
                f"{self.name}: {size} px is less than a pixel at `scale` {factor}"
            )
        return Size(size.width // factor * factor, size.height // factor * factor)

    def _damaged(self, image: Image, size: Size, notify: Notify) -> Image:
        factor, whole = self.reduction, self._whole(image.size)
        if whole != image.size:
            notify(
                Notice(
                    "edge-cropped",
                    f"{image.size} px is not a multiple of {factor}: cut to {whole} px at the "
                    "right and bottom edges",
                )
            )
        if image.peak > 255:
            notify(Notice("depth-reduced", "rounded to 8 bits, in which damage is measured"))
        alpha = image.alpha
        if alpha is not None:
            alpha = _levels(imresize(_unit(alpha[: whole.height, : whole.width]), *_sides(size)))
        lr = quantize(self.degrade(self.clean(image)))
        if image.is_gray:
            gray = np.asarray(cv2.cvtColor(lr, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
            lr = np.repeat(gray[..., None], 3, axis=2)
        return replace(image, pixels=lr, alpha=alpha)

    def degrade(self, hr: ImageArray) -> ImageArray:
        """Damages an array, (H, W, 3) float32 RGB in [0, 1], whose sides are multiples."""
        seed = seed_of(self.seed, self.name)
        if isinstance(self.level, FixedDamage):
            return degrade_fixed(
                hr, self.level, scale=self.reduction, seed=seed, observe=self.observe
            )
        config = replace(self.level, scale=self.reduction)
        return degrade(hr, config, np.random.default_rng(seed), observe=self.observe)


def seed_of(seed: int, name: str) -> int:
    """Returns the seed of an image: a hash of the run's seed and the name of the file."""
    return int.from_bytes(
        hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogateescape")).digest()[:8], "big"
    )


def _sides(size: Size) -> tuple[int, int]:
    return size.width, size.height


def _unit(values: Pixels | Plane) -> ImageArray:
    return np.asarray(values, dtype=np.float32) / np.float32(np.iinfo(values.dtype).max)


def _levels(values: ImageArray) -> Plane:
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)


def degrader_of(options: DamageOptions) -> Degrader:
    """Makes a degrader from options."""
    level: DegradationConfig | FixedDamage
    if options.is_fixed:
        level = FIXED_LEVELS[options.level]
    else:
        level = LEVELS[options.level]
        if options.order is not None:
            level = replace(level, order=options.order, second_probability=1.0)
    return Degrader(level=level, reduction=options.scale, seed=options.seed)
