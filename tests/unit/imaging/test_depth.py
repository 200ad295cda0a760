import numpy as np
import pytest

from realesr.imaging.depth import convert_depth, to_depth

UINT8, UINT16 = np.dtype(np.uint8), np.dtype(np.uint16)


def test_floats_are_rounded_and_clamped():
    values = np.array([-0.5, 0.4999 / 255, 0.5001 / 255, 1.5], np.float32)
    assert to_depth(values, UINT8).tolist() == [0, 0, 1, 255]


def test_16_bits_are_divided_by_257_and_rounded():
    levels = np.arange(2**16, dtype=np.uint16)
    expected = (levels.astype(int) + 128) // 257
    assert (convert_depth(levels, UINT8) == expected).all()


def test_8_bits_are_multiplied_by_257_and_come_back():
    levels = np.arange(256, dtype=np.uint8)
    assert (convert_depth(levels, UINT16) == levels.astype(int) * 257).all()
    assert (convert_depth(convert_depth(levels, UINT16), UINT8) == levels).all()


@pytest.mark.parametrize("bits", [10, 12])
def test_fewer_bits_reach_the_full_range(bits):
    levels = np.array([0, 1, 2**bits // 2, 2**bits - 1], np.uint16)
    expected = np.rint(levels / (2**bits - 1) * 65535)
    assert convert_depth(levels, UINT16, bits=bits).tolist() == expected.tolist()


def test_the_same_depth_is_the_same_array():
    levels = np.arange(5, dtype=np.uint16)
    assert convert_depth(levels, UINT16) is levels
