import numpy as np
import pytest

from realesr.metrics.lattice import lattice, phase_deviation

PERIODS = {2: (-1) ** np.arange(64), 4: np.sqrt(2) * np.cos(np.pi / 2 * np.arange(64) + 1)}
"""Patterns of unit energy along a line."""


def noise(deviation: float) -> np.ndarray:
    return 100 + np.random.default_rng(0).normal(0, deviation, (40, 64, 64))


def test_phase_deviation_is_the_energy_of_a_checkerboard() -> None:
    board = 100 + 0.5 * np.multiply.outer(PERIODS[2], PERIODS[2])
    assert phase_deviation(board, 4) == pytest.approx(0.5)
    assert phase_deviation(np.full((8, 8), 7.0), 4) == 0
    assert phase_deviation(100 + 9 * np.sin(np.arange(64 * 64) / 8).reshape(64, 64), 4) < 0.5


def test_noise_has_no_lattice() -> None:
    found = lattice(noise(5), 4)
    assert found.peak < 1.5
    assert found.amplitude < 0.3


@pytest.mark.parametrize("rows", [2, 4])
@pytest.mark.parametrize("columns", [2, 4])
def test_finds_a_weave_below_noise(rows: int, columns: int) -> None:
    weave = np.multiply.outer(PERIODS[rows], PERIODS[columns])
    found = lattice(noise(2) + weave, 4)
    assert found.peak > 20
    assert found.amplitude == pytest.approx(1, rel=0.1)


def test_finds_stripes_with_a_period_of_four_but_not_of_five() -> None:
    stripes = np.broadcast_to(PERIODS[4], (64, 64))
    others = np.broadcast_to(np.sqrt(2) * np.cos(2 * np.pi / 5 * np.arange(64)), (64, 64))
    assert lattice(noise(2) + stripes, 4).amplitude == pytest.approx(1, rel=0.1)
    assert lattice(noise(2) + others, 4).amplitude < 0.2


def test_edges_along_the_axes_are_no_lattice() -> None:
    edges = np.where(np.arange(64) < np.arange(12, 52)[:, None], 80.0, 120.0)
    patches = np.broadcast_to(edges[:, None, :], (40, 64, 64))
    assert lattice(patches + noise(1), 4).peak < 2


def test_what_rounding_hides_does_not_count() -> None:
    weave = np.multiply.outer(PERIODS[4], PERIODS[4])
    assert lattice((100 + 0.01 * weave)[None], 4).peak < 2


@pytest.mark.parametrize("shape", [(0, 64, 64), (1, 32, 32), (1, 66, 66)])
def test_refuses_what_is_too_small(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="64 px"):
        lattice(np.zeros(shape), 4)
