"""Faces into a square of fixed eyes and mouth, and back into the image."""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.errors import RealesrError
from realesr.face.detection import Points
from realesr.imaging.image import Pixels

SIDE = 512
"""Of an aligned face, px: what GFPGAN and RestoreFormer were trained on."""
TEMPLATE: Points = np.array(
    [
        (192.98138, 239.94708),
        (318.90277, 240.1936),
        (256.63416, 314.01935),
        (201.26117, 371.41043),
        (313.08905, 371.15118),
    ]
)
"""Where the five landmarks lie in an aligned face: those of FFHQ (facexlib's face helper)."""
OUTSIDE = (132, 133, 135)
"""Gray for what lies outside the image, RGB, as facexlib has it."""

NEAR = 8
"""How far the image's border is continued before the gray begins, aligned px."""

Matrix = NDArray[np.float64]
"""(2, 3): an affine map of points, px."""
Mask = NDArray[np.float32]
"""(SIDE, SIDE): how much of an aligned face is taken, 0 to 1."""


def alignment(landmarks: Points) -> Matrix:
    """The rotation, scale and shift that bring five landmarks to :data:`TEMPLATE`.

    Robustly, by least median of squares: one landmark may be off.

    Raises:
        RealesrError: The landmarks are all in one place.
    """
    matrix, _ = cv2.estimateAffinePartial2D(landmarks, TEMPLATE, method=cv2.LMEDS)
    aligned = np.asarray(matrix if matrix is not None else np.zeros((2, 3)), np.float64)
    if not np.isfinite(aligned).all() or _scale_of(aligned) == 0:
        raise RealesrError("the landmarks of a face are all in one place")
    return aligned


def full_frame_matrix(width: int, height: int) -> Matrix:
    """Stretches an image that is an aligned face already."""
    x, y = SIDE / width, SIDE / height
    return np.array([(x, 0, (x - 1) / 2), (0, y, (y - 1) / 2)])


def crop_face(pixels: Pixels, matrix: Matrix) -> Pixels:
    """Aligns a face.

    Args:
        pixels: (H, W, 3) uint8.
        matrix: From the image to the aligned face.

    Returns:
        (SIDE, SIDE, 3) uint8. A larger face is reduced without aliasing.
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
    # A little farther than the image reaches, so that gray does not mix into its border.
    inside = cv2.warpAffine(np.ones(source.shape[:2], np.uint8), matrix, size)
    near = cv2.dilate(inside, np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8))
    return np.where(near[..., None] > 0, view, np.array(OUTSIDE, np.uint8)).astype(np.uint8)


def paste_face(
    pixels: Pixels, face: Pixels, mask: Mask, matrix: Matrix, scale: tuple[float, float]
) -> None:
    """Blends an aligned face into an upscaled image, in the image's own depth.

    Args:
        pixels: (H, W, 3) uint8 or uint16, changed in place; where the mask is 0 not a bit.
        face: (SIDE, SIDE, 3) uint8.
        mask: How much of it is taken; 0 at its borders, or the image lies all inside it.
        matrix: From the image before it was upscaled to the aligned face.
        scale: How much it was upscaled, across and down.
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
    """How much longer it makes things; of a stretch, the mean."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def _scaling(factor: float) -> Matrix:
    """Onto an image so many times as large, whose pixels' middles have whole coordinates, too."""
    return np.array([(factor, 0, (factor - 1) / 2), (0, factor, (factor - 1) / 2)])


def _unscale(x: float, y: float, left: float, top: float) -> Matrix:
    """From an upscaled part, (x, y) times as large, that began at (left, top), to the whole."""
    return np.array([(1 / x, 0, (1 / x - 1) / 2 + left), (0, 1 / y, (1 / y - 1) / 2 + top)])


def _shift(x: float, y: float) -> Matrix:
    return np.array([(1.0, 0.0, x), (0.0, 1.0, y)])


def _chain(first: Matrix, second: Matrix) -> Matrix:
    """The one after the other."""
    bottom = (0.0, 0.0, 1.0)
    return np.asarray((np.vstack((second, bottom)) @ np.vstack((first, bottom)))[:2])


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def _region(
    matrix: Matrix, width: int, height: int, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """What a mapped rectangle covers of an image: left, top, right, bottom, with a px around."""
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
