import pytest

from realesr.geometry import Padding, Region, Size, round_up


def test_sizes_have_positive_sides():
    with pytest.raises(ValueError, match="0x3"):
        Size(0, 3)


@pytest.mark.parametrize(
    ("factor", "expected"), [(4, Size(40, 12)), (1.5, Size(15, 4)), (0.01, Size(1, 1))]
)
def test_scaled_rounds_down_but_not_to_nothing(factor, expected):
    assert Size(10, 3).scaled(factor) == expected


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (100, None, Size(100, 50)),
        (None, 100, Size(200, 100)),
        (100, 100, Size(100, 50)),
        (1000, 10, Size(20, 10)),
        (1, None, Size(1, 1)),
        (None, None, Size(40, 20)),
    ],
)
def test_fitted_keeps_the_proportions(width, height, expected):
    assert Size(40, 20).fitted(width, height) == expected


def test_padding_reaches_multiple_and_minimum():
    assert Size(5, 8).padding_to(multiple_of=4) == Padding(right=3)
    assert Size(1, 8).padding_to(multiple_of=2, minimum=16) == Padding(right=15, bottom=8)
    assert not Size(4, 8).padding_to(multiple_of=4)


def test_regions_grow_to_the_border_and_no_farther():
    core = Region(x=2, y=10, size=Size(4, 5))
    grown = core.grown_within(3, Size(20, 16))
    assert grown == Region(x=0, y=7, size=Size(9, 9))
    inner = core.relative_to(grown)
    assert (inner.x, inner.y) == (2, 3)
    assert inner.scaled(2).slices == (slice(6, 16), slice(4, 12))


@pytest.mark.parametrize(("value", "multiple", "expected"), [(0, 4, 0), (1, 4, 4), (8, 4, 8)])
def test_round_up(value, multiple, expected):
    assert round_up(value, multiple) == expected
