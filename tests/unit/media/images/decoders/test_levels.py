import numpy as np
import pytest

from realesr.media.images.decoders.levels import (
    alpha_levels,
    float_levels,
    to_full_range,
    unpremultiply,
)
from realesr.progress import no_notice


def levels(values, dtype=np.float32):
    notices = []
    result = float_levels(np.array([values], dtype), notices.append)
    return result[0].tolist(), [str(notice) for notice in notices]


def test_tone_is_left_linear():
    assert levels([0, 0.25, 0.5, 1]) == ([0, 16384, 32768, 65535], [])


def test_what_lies_outside_is_clipped_and_told():
    result, (notice,) = levels([-0.5, 0, 0.5, 1, 40])
    assert result == [0, 0, 32768, 65535, 65535]
    assert "40.00%" in notice
    assert "-0.5 to 40" in notice


def test_values_that_do_not_end_at_1_are_scaled_by_the_largest():
    result, (notice,) = levels([0, 64, 128, 255])
    assert result == [0, 16448, 32896, 65535]
    assert "255, became white" in notice


def test_a_trifle_above_1_is_rounding():
    assert levels([0, 0.5, 1.000001])[1] == []


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_is_no_number(dtype):
    result, (notice,) = levels([np.nan, np.inf, -np.inf, 0.5, 0.25], dtype)
    assert result == [0, 65535, 0, 32768, 16384]
    assert "60.00%" in notice
    assert levels([np.nan, np.nan], dtype)[0] == [0, 0]


def test_alpha_is_clipped_without_a_word():
    assert alpha_levels(np.array([[-1, 0.5, 2, np.nan]])).tolist() == [[0, 32768, 65535, 0]]


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 12, 16, 24, 32, 48, 64])
def test_integers_of_any_bits(bits):
    dtype = np.dtype(f"u{max(1, 2 ** int(np.ceil(np.log2(bits / 8))))}")
    values = np.array([[0, 2**bits - 1, 2**bits // 2]], dtype)
    result = to_full_range(values, bits, no_notice)
    peak = 255 if bits <= 8 else 65535
    assert result.tolist() == [[0, peak, round(2**bits // 2 * peak / (2**bits - 1))]]


def test_signed_integers_of_a_part_of_the_bits():
    notices = []
    values = np.array([[-2048, 0, 2047]], np.int16)
    assert to_full_range(values, 12, notices.append).tolist() == [[0, 32776, 65535]]
    assert len(notices) == 1


def test_multiplied_colors_are_divided():
    pixels = np.array([[[10, 20, 30], [5, 6, 7], [200, 9, 9]]], np.uint8)
    alpha = np.array([[128, 0, 100]], np.uint8)
    result = unpremultiply(pixels, alpha)
    assert result[0, 0].tolist() == [20, 40, 60]
    assert result[0, 2].tolist() == [255, 23, 23]
