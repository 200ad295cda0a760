"""The steps of a degradation: what is done to an image, with parameters that are already drawn.

A step knows nothing of chances and ranges; :mod:`realesr.degradation.pipeline` draws steps, and
:mod:`realesr.degradation.batches` does them to a batch on a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from realesr.degradation import operations
from realesr.degradation.kernels import Kernel
from realesr.degradation.operations import ImageArray, Interpolation

NoiseKind = Literal["Gaussian", "Poisson"]


@dataclass(frozen=True, slots=True)
class Blur:
    """A correlation with a kernel.

    Attributes:
        kernel: (size, size) float32, sum 1.
        description: Family and parameters of the kernel, for people.
    """

    kernel: Kernel = field(repr=False)
    description: str

    title = "blur"

    def __str__(self) -> str:
        return self.description

    def apply(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Returns the blurred image; borders are mirrored."""
        return operations.blur(image, self.kernel)


@dataclass(frozen=True, slots=True)
class GaussianBlur:
    """A Gaussian blur along both axes, as wide as OpenCV thinks fit.

    Attributes:
        sigma_x: Standard deviation along x, px.
        sigma_y: Standard deviation along y, px.
    """

    sigma_x: float
    sigma_y: float

    title = "blur"

    def __str__(self) -> str:
        return f"Gaussian, sigma {self.sigma_x:.2g} x {self.sigma_y:.2g} px"

    def apply(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Returns the blurred image; borders are mirrored."""
        blurred = cv2.GaussianBlur(image, (0, 0), self.sigma_x, sigmaY=self.sigma_y)
        return np.asarray(blurred, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Resize:
    """A resize to a size, px, with a filter."""

    width: int
    height: int
    interpolation: Interpolation

    title = "resize"

    def __str__(self) -> str:
        return f"{self.interpolation}, to {self.width}x{self.height} px"

    def apply(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Returns the resized image."""
        return operations.resize(image, self.width, self.height, self.interpolation)


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise: of one strength everywhere, or growing with the root of the signal.

    Attributes:
        kind: Which of both.
        strength: Standard deviation in 8-bit levels (Gaussian), or factor on the shot noise of a
            sensor that counts 255 photons at white (Poisson).
        gray: Whether all channels get the same noise.
    """

    kind: NoiseKind
    strength: float
    gray: bool

    title = "noise"

    def __str__(self) -> str:
        unit = "sigma" if self.kind == "Gaussian" else "scale"
        return f"{self.kind}, {unit} {self.strength:.3g}, {'gray' if self.gray else 'color'}"

    def apply(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Returns the image with noise from the generator, not clamped."""
        if self.kind == "Poisson":
            return operations.add_poisson_noise(image, self.strength, gray=self.gray, rng=rng)
        return operations.add_gaussian_noise(image, self.strength, gray=self.gray, rng=rng)


@dataclass(frozen=True, slots=True)
class Clamp:
    """The limits of an image between two steps: [0, 1]."""

    title = "clamp"

    def __str__(self) -> str:
        return "to 0..1"

    def apply(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Returns the image limited to [0, 1]."""
        return np.clip(image, 0, 1)


@dataclass(frozen=True, slots=True)
class Jpeg:
    """JPEG compression (4:2:0) of a quality, 1..100."""

    quality: int

    title = "JPEG"

    def __str__(self) -> str:
        return f"quality {self.quality}"

    def apply(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Returns the decoded image; clamps and rounds."""
        return operations.jpeg(image, self.quality)


Step = Blur | GaussianBlur | Resize | Noise | Clamp | Jpeg
