"""Noise and block edges, taken out of images before they are upscaled."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from realesr.geometry import Size
from realesr.imaging.alpha import bleed_colors
from realesr.imaging.image import Image, Pixels, Plane
from realesr.imaging.upscaler import Description, ImageUpscaler
from realesr.progress import Notice, Notify, Progress, no_notice, no_progress

BLOCK = 8
"""Side of the blocks of JPEG and of old video codecs, px."""
_NOISE_FACTOR = 1.75
"""Parameter h of OpenCV's filter, in standard deviations of the noise: the best PSNR at 3, 5 and 12
levels, in 8 and 16 bits, if distances are sums of absolute differences."""
_PATCH, _SEARCH = 5, 11
"""Sides of the squares that are compared and searched, px. Searching 21 px takes three times as
long, and is 0.2 dB worse."""
_THRESHOLDS = {"alpha": 0.098, "beta": 0.05, "gamma": 0.05, "delta": 0.05}
"""Thresholds of ffmpeg's filter at full strength, its defaults: differences at an edge and within
the blocks, shares of the full range. Twice as much is worse."""


def denoise(pixels: Pixels | Plane, deviation: float) -> Pixels | Plane:
    """Removes noise by non-local means (Buades et al., 2005), as OpenCV has it.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16. All channels are compared together.
        deviation: Standard deviation of the noise, levels of 8 bits, above 0.
    """
    level = np.iinfo(pixels.dtype).max / 255
    denoised = cv2.fastNlMeansDenoising(
        pixels,
        h=[_NOISE_FACTOR * deviation * level],
        templateWindowSize=_PATCH,
        searchWindowSize=_SEARCH,
        normType=cv2.NORM_L1,  # the only one for 16 bits
    )
    return np.asarray(denoised, pixels.dtype)


def deblock(pixels: Pixels | Plane, strength: float) -> Pixels | Plane:
    """Smooths small steps at the edges of 8x8 blocks, by ffmpeg's filter ``deblock``.

    Blocks are counted from the upper left corner. An image that was cropped or turned after it had
    been encoded has them elsewhere, and changes little.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        strength: Above 0, up to 1: factor of the thresholds.
    """
    import av  # here, because few images need it
    import av.filter

    name = "gray" if pixels.ndim == 2 else "gbrp"
    if pixels.dtype == np.uint16:
        name += "16le"
    height, width = pixels.shape[:2]
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat(name), time_base=Fraction(1, 25)
    )
    thresholds = ":".join(f"{key}={value * strength:.6f}" for key, value in _THRESHOLDS.items())
    filtering = graph.add("deblock", f"filter=strong:block={BLOCK}:{thresholds}")
    sink = graph.add("buffersink")
    source.link_to(filtering)
    filtering.link_to(sink)
    graph.configure()
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=name)
    frame.pts = 0
    graph.push(frame)
    return np.asarray(graph.pull().to_ndarray(), pixels.dtype)


class CleaningUpscaler:
    """Upscaler that cleans images before another one sees them.

    Every image is cleaned by itself, so that a video in pieces is the video in one pass.

    Args:
        upscaler: The upscaler of the cleaned images.
        denoise: Standard deviation of the noise, levels of 8 bits; 0 for no such filter.
        deblock: Strength against block edges, 0 to 1; 0 for no such filter.
    """

    def __init__(self, upscaler: ImageUpscaler, *, denoise: float, deblock: float) -> None:
        self._upscaler = upscaler
        self._denoise = denoise
        self._deblock = deblock

    @property
    def description(self) -> Description:
        """Description of the underlying upscaler."""
        return self._upscaler.description

    @property
    def scale(self) -> int:
        """Output px per input px of the underlying upscaler."""
        return self._upscaler.scale

    @property
    def batch_size(self) -> int:
        """Largest useful batch of the underlying upscaler."""
        return self._upscaler.batch_size

    @property
    def preroll(self) -> int:
        """Number of earlier frames that the underlying upscaler must see."""
        return self._upscaler.preroll

    def session(self, source: Path, *, is_video: bool) -> Self:
        """Returns an upscaler for one job."""
        other = copy(self)
        other._upscaler = self._upscaler.session(source, is_video=is_video)
        return other

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> list[Image]:
        """Cleans and upscales images; alpha stays as it is.

        Args:
            images: Images of one size and depth.
            size: Size of the results, px.
            on_tile: Called after every tile.
            notify: Receives a sentence for everything that is done differently.

        Raises:
            RealesrError: The underlying upscaler fails.
        """
        if self._deblock and max(images[0].pixels.shape) <= BLOCK:
            why = f"for an image of {images[0].size} px, which is a single block"
            notify(Notice("option-without-effect", f"`deblock` does nothing {why}"))
        cleaned = [self._cleaned(image) for image in images]
        return self._upscaler.upscale_to(cleaned, size, on_tile=on_tile, notify=notify)

    def _cleaned(self, image: Image) -> Image:
        pixels: Pixels | Plane = image.pixels
        if image.alpha is not None:
            pixels = bleed_colors(image.pixels, image.alpha)  # of invisible pixels nothing is left
        if image.is_gray:
            pixels = np.ascontiguousarray(pixels[..., 0])
        if self._deblock:  # first: noise removal would blur the steps
            pixels = deblock(pixels, self._deblock)
        if self._denoise:
            pixels = denoise(pixels, self._denoise)
        if image.is_gray:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        return replace(image, pixels=pixels)
