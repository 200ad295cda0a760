"""Blur kernels of the Real-ESRGAN degradation model.

Every function returns a (size, size) float32 kernel that sums to 1; ``size`` is odd. Formulae: Wang
et al., 2021 (arXiv 2107.10833), section 3.2 (Gaussian families; the generalized and the
plateau-shaped ones after Liu et al., 2020) and section 3.3 (sinc).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[np.float32]

_BESSEL_SAMPLES = 128


def _offsets(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the distances from the center, px: x (1, size) and y (size, 1)."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a kernel's size must be odd and positive, not {size}")
    axis = np.arange(size, dtype=np.float64) - size // 2
    return axis[None, :], axis[:, None]


def _normalized(weights: NDArray[np.float64]) -> Kernel:
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def _mahalanobis_squared(
    size: int, sigma_x: float, sigma_y: float, angle: float
) -> NDArray[np.float64]:
    """Returns ``c^T Sigma^-1 c`` for every offset c, (size, size).

    Sigma has the axes ``sigma_x`` and ``sigma_y``, px, rotated by ``angle``, rad.
    """
    x, y = _offsets(size)
    along = (np.cos(angle) * x + np.sin(angle) * y) / sigma_x
    across = (np.cos(angle) * y - np.sin(angle) * x) / sigma_y
    return np.asarray(along**2 + across**2)


def generalized_gaussian(
    size: int, sigma_x: float, sigma_y: float, angle: float = 0.0, shape: float = 1.0
) -> Kernel:
    """Returns the kernel ``exp(-(c^T Sigma^-1 c)^shape / 2)``, a Gaussian if ``shape`` is 1.

    Args:
        size: Side of the kernel in px, odd.
        sigma_x: Standard deviation along the first axis, px.
        sigma_y: Standard deviation along the second axis, px.
        angle: Rotation of the axes, rad.
        shape: Exponent, > 0: below 1 the tails are heavier, above 1 the top is flatter.

    Raises:
        ValueError: ``size`` is not odd and positive.
    """
    return _normalized(np.exp(-0.5 * _mahalanobis_squared(size, sigma_x, sigma_y, angle) ** shape))


def plateau(
    size: int, sigma_x: float, sigma_y: float, angle: float = 0.0, shape: float = 1.0
) -> Kernel:
    """Returns the kernel ``1 / (1 + (c^T Sigma^-1 c)^shape)``.

    Arguments and errors are those of :func:`generalized_gaussian`.
    """
    return _normalized(1 / (1 + _mahalanobis_squared(size, sigma_x, sigma_y, angle) ** shape))


def sinc(size: int, cutoff: float) -> Kernel:
    """Returns the circular low-pass filter ``cutoff * J1(cutoff * r) / (2 pi r)``, which rings.

    Args:
        size: Side of the kernel in px, odd.
        cutoff: Cut-off frequency in rad/px, in (0, pi].

    Raises:
        ValueError: ``size`` is not odd and positive.
    """
    x, y = _offsets(size)
    radius = np.hypot(x, y)
    center = size // 2
    radius[center, center] = 1.0
    weights = cutoff * _bessel_j1(cutoff * radius) / (2 * np.pi * radius)
    weights[center, center] = cutoff**2 / (4 * np.pi)
    return _normalized(weights)


def _bessel_j1(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns Bessel's function of the first kind of order 1, exact to 1e-15 for values below 60.

    Bessel's integral (NIST DLMF, 10.9.2): the mean of ``cos(t - x sin t)`` over a period. The mean
    of equally spaced samples of a smooth periodic function converges faster than any power.
    """
    distinct, places = np.unique(values, return_inverse=True)
    angles = np.arange(_BESSEL_SAMPLES) * (2 * np.pi / _BESSEL_SAMPLES)
    means = np.cos(angles - distinct[:, None] * np.sin(angles)).mean(axis=1)
    return np.asarray(means[places].reshape(values.shape))
