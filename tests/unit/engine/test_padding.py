import numpy as np
import pytest

from realesr.engine.padding import reflect_indices


@pytest.mark.parametrize("length", [1, 2, 3, 10])
@pytest.mark.parametrize("more", [0, 1, 5, 40])
def test_it_goes_on_as_numpy_does(length, more):
    line = np.arange(length)
    expected = np.pad(line, (0, more), "reflect")
    assert (line[reflect_indices(length, 0, length + more)] == expected).all()
    start = min(2, length - 1)
    assert (line[reflect_indices(length, start, length + more)] == expected[start:]).all()
