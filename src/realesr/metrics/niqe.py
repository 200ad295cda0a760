"""NIQE, a measure of naturalness that needs no reference.

Mittal, Soundararajan and Bovik, "Making a 'Completely Blind' Image Quality Analyzer", 2013.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.imaging.matlab import contributions
from realesr.metrics.psnr import LUMA, LUMA_OFFSET, Array, cropped, peak_of, require_rgb

Plane = NDArray[np.floating]

BLOCK = 96
"""Side of the blocks, px, without overlap (section II-B)."""
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Neighbors whose products are modeled: right, below, and both diagonals (section II-A)."""
_SHAPES = np.arange(0.2, 10.001, 0.001)
"""Shapes of generalized Gaussians among which the best fit is searched."""
_RATIOS = np.array(
    [math.gamma(2 / s) ** 2 / (math.gamma(1 / s) * math.gamma(3 / s)) for s in _SHAPES]
)
"""Squared mean magnitude over mean square of a generalized Gaussian, for each of ``_SHAPES``."""


@dataclass(frozen=True, slots=True)
class NiqeParameters:
    """The statistical model of natural images.

    Attributes:
        mean: Mean of the features, (36,) float.
        covariance: Covariance of the features, (36, 36) float.
        window: Gaussian window of the local normalization, (7, 7) float.
    """

    mean: Plane
    covariance: Plane
    window: Plane

    @classmethod
    def load(cls, path: Path) -> NiqeParameters:
        """Reads the official file, ``niqe_pris_params.npz``.

        Raises:
            MissingWeightsError: The file does not exist.
            UnsupportedCheckpointError: The file holds something else.
        """
        if not path.is_file():
            raise MissingWeightsError(f"{path}: no such file of NIQE's parameters")
        try:
            with np.load(path, allow_pickle=False) as file:
                mean, covariance = file["mu_pris_param"], file["cov_pris_param"]
                return cls(mean.reshape(-1), covariance, file["gaussian_window"])
        except (OSError, ValueError, KeyError) as error:
            raise UnsupportedCheckpointError(f"{path} holds no parameters of NIQE") from error


def niqe(image: Array, parameters: NiqeParameters, *, crop: int = 0) -> float:
    """Returns the distance to natural images, >= 0; lower is more natural.

    NIQE is computed on luma, rounded to 8-bit levels.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16, full range.
        parameters: Model of natural images.
        crop: Width of the border that is left out, px.

    Raises:
        ValueError: Shape or dtype is not supported, the crop is negative, or the cropped image has
            fewer than two blocks of 96 px with texture.
    """
    require_rgb(image)
    plane = _rounded_luma(cropped(image, crop))
    rows, columns = (side // BLOCK for side in plane.shape)
    if rows * columns < 2:
        raise ValueError(
            f"{plane.shape} px after a crop of {crop} px: NIQE needs at least two blocks of "
            f"{BLOCK} px"
        )
    plane = plane[: rows * BLOCK, : columns * BLOCK]
    features = np.hstack(
        [
            _features_of_blocks(plane, parameters.window, BLOCK),
            _features_of_blocks(halved(plane), parameters.window, BLOCK // 2),
        ]
    )
    textured = features[~np.isnan(features).any(axis=1)]
    if len(textured) < 2:
        raise ValueError("NIQE needs at least two blocks with texture: the image is flat")
    mean = np.nanmean(features, axis=0)
    covariance = np.cov(textured, rowvar=False)
    difference = parameters.mean - mean
    inverse = np.linalg.pinv((parameters.covariance + covariance) / 2)
    return float(np.sqrt(difference @ inverse @ difference))


def _rounded_luma(image: Array) -> NDArray[np.float32]:
    """Returns BT.601 luma, (H, W) float32, rounded to 8-bit levels.

    The precision, here and below, is that of basicsr: in flat areas float32 rounding affects
    published figures.
    """
    unit = image.astype(np.float32) / np.float32(peak_of(image))
    levels = unit.astype(np.float64) @ np.asarray(LUMA) + LUMA_OFFSET
    return np.asarray(np.rint((levels / 255).astype(np.float32) * np.float32(255)))


def _features_of_blocks(plane: Plane, window: Plane, side: int) -> Plane:
    """Returns the features of each block, (blocks, 18) float64."""
    normalized = _normalized(plane, window)
    rows, columns = (size // side for size in plane.shape)
    blocks = [
        normalized[side * row : side * (row + 1), side * column : side * (column + 1)]
        for column in range(columns)
        for row in range(rows)
    ]
    return np.array([_features(block) for block in blocks])


def _normalized(plane: Plane, window: Plane) -> Plane:
    """Subtracts the local mean and divides by the local deviation plus 1 (equation 1)."""

    def smoothed(values: Plane) -> Plane:
        exact = values.astype(np.float64)
        out = cv2.filter2D(exact, -1, window, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(out, dtype=np.float32)

    mean = smoothed(plane)
    deviation = np.sqrt(np.abs(smoothed(plane**2) - mean**2))
    return np.asarray((plane - mean) / (deviation + 1))


def _features(block: Plane) -> list[float]:
    """Returns 18 features: shapes and scales of a block's values and of products of neighbors."""
    shape, left, right = _fitted(block)
    features = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = _fitted(block * np.roll(block, shift, axis=(0, 1)))
        mean = (right - left) * math.gamma(2 / shape) / math.gamma(1 / shape)
        features += [shape, mean, left, right]
    return features


def _fitted(values: Plane) -> tuple[float, float, float]:
    """Fits an asymmetric generalized Gaussian by moments; returns shape, left and right scale.

    Lasmar, Stitou and Berthoumieu, 2009; equations 5 to 8 of NIQE.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        left = float(np.sqrt(np.square(values[values < 0]).sum() / np.count_nonzero(values < 0)))
        right = float(np.sqrt(np.square(values[values > 0]).sum() / np.count_nonzero(values > 0)))
        asymmetry = np.float64(left) / right
        ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
        ratio *= (asymmetry**3 + 1) * (asymmetry + 1) / (asymmetry**2 + 1) ** 2
    shape = float(_SHAPES[np.argmin((_RATIOS - ratio) ** 2)])
    scale = math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape))
    return shape, left * scale, right * scale


def halved(plane: Plane) -> Plane:
    """Halves a plane by antialiased bicubic interpolation, like MATLAB's ``imresize``.

    Args:
        plane: (H, W) float, 8-bit levels; H and W are even.

    Returns:
        (H / 2, W / 2) float32, 8-bit levels.
    """
    height, width = plane.shape
    small = _halving(height) @ (plane / np.float32(255)) @ _halving(width).T
    return np.asarray(small, dtype=np.float32) * np.float32(255)


def _halving(size: int) -> Plane:
    """Returns the matrix of the reduction, (size / 2, size).

    A product of matrices rounds as basicsr's does; in flat areas that decides.
    """
    matrix = np.zeros((size // 2, size))
    for row, (taps, weights) in enumerate(zip(*contributions(size, size // 2), strict=True)):
        np.add.at(matrix[row], taps, weights)
    return matrix
