"""Elementary operations of the degradation model: blur, resize, noise, JPEG, sharpening.

Images are (H, W, 3) float32 RGB in [0, 1]. Functions clamp only where they say so. Random numbers
come from the generator that is passed in.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

ImageArray = NDArray[np.float32]
"""An image, (H, W, 3) float32 RGB in [0, 1]."""
Interpolation = Literal["area", "bilinear", "bicubic", "antialiased"]
"""Filters by name; ``antialiased`` is bicubic and widens when it reduces, as in MATLAB."""

_INTERPOLATIONS: dict[Interpolation, int] = {
    "area": cv2.INTER_AREA,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
}


def blur(image: ImageArray, kernel: NDArray[np.float32]) -> ImageArray:
    """Correlates every channel with ``kernel``, (size, size) float32; borders are mirrored."""
    out = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(out, dtype=np.float32)


def resize(image: ImageArray, width: int, height: int, interpolation: Interpolation) -> ImageArray:
    """Resizes an image to ``width`` x ``height`` px.

    ``bilinear`` and ``bicubic`` do not antialias, as in the reference (OpenCV, PyTorch).
    """
    if interpolation == "antialiased":
        channels = [
            PillowImage.fromarray(np.ascontiguousarray(c)) for c in np.moveaxis(image, 2, 0)
        ]
        resized = [c.resize((width, height), PillowImage.Resampling.BICUBIC) for c in channels]
        return np.stack([np.asarray(c, dtype=np.float32) for c in resized], axis=2)
    out = cv2.resize(image, (width, height), interpolation=_INTERPOLATIONS[interpolation])
    return np.asarray(out, dtype=np.float32)


def add_gaussian_noise(
    image: ImageArray, sigma: float, *, gray: bool, rng: np.random.Generator
) -> ImageArray:
    """Adds Gaussian noise of standard deviation ``sigma`` in 8-bit levels.

    With ``gray`` the three channels get the same noise.
    """
    height, width, channels = image.shape
    shape = (height, width, 1 if gray else channels)
    noise = rng.standard_normal(shape, dtype=np.float32)
    return image + noise * np.float32(sigma / 255)


def add_poisson_noise(
    image: ImageArray, scale: float, *, gray: bool, rng: np.random.Generator
) -> ImageArray:
    """Adds ``scale`` times the shot noise of a sensor that counts 255 photons at white.

    The noise is drawn from a normal distribution with the mean and variance of the Poisson
    distribution: above about five photons both look the same, and it is many times faster. With
    ``gray`` the noise of the luma is added to all three channels.
    """
    signal = np.clip(image, 0, 1)
    if gray:
        luma = np.asarray(cv2.cvtColor(signal, cv2.COLOR_RGB2GRAY), dtype=np.float32)
        signal = luma[..., None]
    noise = rng.standard_normal(signal.shape, dtype=np.float32) * np.sqrt(signal / np.float32(255))
    return np.asarray(image + noise * np.float32(scale), dtype=np.float32)


def quantize(image: ImageArray) -> NDArray[np.uint8]:
    """Clamps an image to [0, 1] and rounds it to (H, W, 3) uint8."""
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


def from_levels(levels: NDArray[np.uint8]) -> ImageArray:
    """Converts (H, W, 3) uint8 to float32 in [0, 1], the inverse of :func:`quantize`."""
    return np.asarray(levels, dtype=np.float32) / np.float32(255)


def jpeg(image: ImageArray, quality: int) -> ImageArray:
    """Encodes an image as JPEG (4:2:0) of ``quality`` 1..100 and decodes it; clamps and rounds.

    Raises:
        RuntimeError: OpenCV could not encode the image.
    """
    bgr = np.ascontiguousarray(quantize(image)[..., ::-1])
    encoded, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise RuntimeError(f"OpenCV could not encode a {image.shape} image as JPEG")
    return from_levels(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8))


def unsharp_mask(
    image: ImageArray, *, weight: float = 0.5, radius: int = 50, threshold: float = 10.0
) -> ImageArray:
    """Sharpens details stronger than ``threshold``; clamps to [0, 1].

    Real-ESRGAN sharpens its training targets this way (section 3.4 of the paper). The constants
    are those of BasicSR's ``USMSharp``.

    Args:
        image: (H, W, 3) float32 RGB in [0, 1].
        weight: Factor on the detail that is added.
        radius: Side of the Gaussian window, px; even numbers are rounded up to odd ones.
        threshold: Strength above which details are sharpened, 8-bit levels.
    """
    side = radius + 1 - radius % 2
    detail = image - cv2.GaussianBlur(image, (side, side), 0)
    mask = (np.abs(detail) * 255 > threshold).astype(np.float32)
    soft_mask = cv2.GaussianBlur(mask, (side, side), 0)
    sharp = np.clip(image + weight * detail, 0, 1)
    return np.asarray(soft_mask * sharp + (1 - soft_mask) * image, dtype=np.float32)
