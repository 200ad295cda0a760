"""Alignment of faces: from an image to a square with fixed landmarks, and back."""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.errors import RealesrError
from realesr.face.detection import Points
from realesr.imaging.image import Pixels

SIDE = 512
"""Side of an aligned face, px: the size that GFPGAN and RestoreFormer were trained on."""
TEMPLATE: Points = np.array(
    [
        (192.98138, 239.94708),
        (318.90277, 240.1936),
        (256.63416, 314.01935),
        (201.26117, 371.41043),
        (313.08905, 371.15118),
    ]
)
"""The five landmarks of an aligned face, (5, 2) px: those of FFHQ (facexlib's face helper)."""
OUTSIDE = (132, 133, 135)
"""Color outside the image, RGB, 0 to 255, as in facexlib."""
NEAR = 8
"""Width by which the image's border is extended before :data:`OUTSIDE` begins, aligned px."""

Matrix = NDArray[np.float64]
"""An affine map of points in px, (2, 3) float64."""
Mask = NDArray[np.float32]
"""The weights of an aligned face's pixels, (SIDE, SIDE) float32, 0 to 1."""


def alignment(landmarks: Points) -> Matrix:
    """Estimates the rotation, scale and shift that map five landmarks to :data:`TEMPLATE`.

    Least median of squares tolerates one wrong landmark.

    Args:
        landmarks: (5, 2) float64, px of the image.

    Returns:
        The map from the image to the aligned face.

    Raises:
        RealesrError: The landmarks all lie in one place.
    """
    matrix, _ = cv2.estimateAffinePartial2D(landmarks, TEMPLATE, method=cv2.LMEDS)
    aligned = np.asarray(matrix if matrix is not None else np.zeros((2, 3)), np.float64)
    if not np.isfinite(aligned).all() or _scale_of(aligned) == 0:
        raise RealesrError("the landmarks of a face are all in one place")
    return aligned


def full_frame_matrix(width: int, height: int) -> Matrix:
    """Returns the map that stretches an image that already is an aligned face.

    Args:
        width: Width of the image, px.
        height: Height of the image, px.
    """
    x, y = SIDE / width, SIDE / height
    return np.array([(x, 0, (x - 1) / 2), (0, y, (y - 1) / 2)])


def crop_face(pixels: Pixels, matrix: Matrix) -> Pixels:
    """Crops a face and aligns it.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        matrix: Map from the image to the aligned face.

    Returns:
        The aligned face, (SIDE, SIDE, 3) uint8 RGB. A larger face is reduced without aliasing.
    """
    shrink = min(1.0, _scale_of(matrix))
    if shrink < 1:
        left, top, right, bottom = _region(_inverse(matrix), SIDE, SIDE, pixels.shape)
        if right <= left or bottom <= top:
            return np.full((SIDE, SIDE, 3), OUTSIDE, np.uint8)
        part = pixels[top:bottom, left:right]
        width, height = (max(1, round(side * shrink)) for side in (right - left, bottom - top))
        pixels = cast(Pixels, cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA))
        matrix = _chain(
            _unscale(width / (right - left), height / (bottom - top), left, top), matrix
        )
    size = (SIDE, SIDE)
    source = np.ascontiguousarray(pixels)
    view = cv2.warpAffine(source, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    # The border is extended a little, so that gray does not mix into it.
    inside = cv2.warpAffine(np.ones(source.shape[:2], np.uint8), matrix, size)
    near = cv2.dilate(inside, np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8))
    return np.where(near[..., None] > 0, view, np.array(OUTSIDE, np.uint8)).astype(np.uint8)


def paste_face(
    pixels: Pixels, face: Pixels, mask: Mask, matrix: Matrix, scale: tuple[float, float]
) -> None:
    """Blends an aligned face into an upscaled image, in the image's own depth.

    Args:
        pixels: (H, W, 3) RGB, uint8 or uint16, changed in place where the mask is not 0.
        face: (SIDE, SIDE, 3) uint8 RGB.
        mask: Weights of the face, 0 at the borders unless the image lies inside the square.
        matrix: Map from the image before upscaling to the aligned face.
        scale: Output px per input px, horizontally and vertically.
    """
    matrix = _chain(_unscale(*scale, 0, 0), matrix)
    left, top, right, bottom = _region(_inverse(matrix), SIDE, SIDE, pixels.shape)
    if right <= left or bottom <= top:
        return
    values: Any = face.astype(np.float32)
    weights: Any = mask
    shrink = 1 / _scale_of(matrix)
    if shrink < 1:  # the face is smaller than SIDE in the result: reduced without aliasing
        side = max(1, round(SIDE * shrink))
        values, weights = (
            cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA)
            for each in (values, weights)
        )
        matrix = _chain(matrix, _scaling(side / SIDE))
    matrix = _chain(_shift(left, top), matrix)
    size, flags = (right - left, bottom - top), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    values, weights = (
        cv2.warpAffine(each, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        for each in (values, weights)
    )
    weights = weights[..., None]
    region = pixels[top:bottom, left:right]
    peak = np.iinfo(pixels.dtype).max
    blended = region + weights * (values * (peak / 255) - region)
    region[:] = np.where(weights > 0, np.rint(np.clip(blended, 0, peak)), region)


def _scale_of(matrix: Matrix) -> float:
    """Returns the factor by which a map changes lengths; the geometric mean of both axes."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def _scaling(factor: float) -> Matrix:
    """Returns the map to an image ``factor`` times as large; centers of pixels are integers."""
    return np.array([(factor, 0, (factor - 1) / 2), (0, factor, (factor - 1) / 2)])


def _unscale(x: float, y: float, left: float, top: float) -> Matrix:
    """Returns the map from a part, scaled by (x, y), that begins at (left, top), to the image."""
    return np.array([(1 / x, 0, (1 / x - 1) / 2 + left), (0, 1 / y, (1 / y - 1) / 2 + top)])


def _shift(x: float, y: float) -> Matrix:
    return np.array([(1.0, 0.0, x), (0.0, 1.0, y)])


def _chain(first: Matrix, second: Matrix) -> Matrix:
    """Returns the map that applies ``first``, then ``second``."""
    bottom = (0.0, 0.0, 1.0)
    return np.asarray((np.vstack((second, bottom)) @ np.vstack((first, bottom)))[:2])


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def _region(
    matrix: Matrix, width: int, height: int, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Returns the bounds of a mapped rectangle in an image: left, top, right, bottom, px.

    The bounds include a margin of 1 px and are clipped to ``shape``, (H, W, ...).
    """
    corners = np.array([(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)]) - (
        0.5,
        0.5,
        0,
    )
    x, y = matrix @ corners.T
    left, top = max(0, int(np.floor(x.min())) - 1), max(0, int(np.floor(y.min())) - 1)
    right = min(shape[1], int(np.ceil(x.max())) + 2)
    bottom = min(shape[0], int(np.ceil(y.max())) + 2)
    return left, top, right, bottom
