"""Mixtures of an upscaled image with a plain upscaling."""

import cv2
import numpy as np
import pytest

from realesr.imaging.plain import mix_with_plain

from support.networks import random_image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_shares_add_up(dtype, strength, monkeypatch):
    lr = random_image(23, 31, np.uint8).pixels
    sr = random_image(23 * 3, 31 * 3, dtype).pixels
    factor = np.iinfo(dtype).max // 255
    size = sr.shape[1::-1]
    plain = cv2.resize(lr.astype(np.float32), size, interpolation=cv2.INTER_CUBIC) * factor
    expected = np.clip(sr * strength + plain * (1 - strength), 0, np.iinfo(dtype).max)
    for rows in (5, 64):
        monkeypatch.setattr("realesr.imaging.plain._BAND_ROWS", rows)
        mixed = sr.copy()
        mix_with_plain(mixed, lr, strength)
        assert np.abs(mixed - expected).max() <= 0.6 * factor
