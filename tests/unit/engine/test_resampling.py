import numpy as np
import pytest
import torch

from realesr.engine.pytorch.resampling import lanczos
from realesr.geometry import Size
from realesr.imaging.resize import resize

from support.networks import random_image

SIZES = [(40, 30), (30, 80), (31, 17), (79, 61), (1, 1), (1, 200), (200, 3)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", [(40, 30), (1, 1), (3, 50)])
def test_it_equals_pillow(size, source):
    image = random_image(*source, np.uint16)
    expected = resize(image, Size(*size), np.dtype(np.uint16)).pixels
    values = torch.from_numpy(image.pixels.astype(np.float32) / 65535).permute(2, 0, 1)[None]
    resized = lanczos(values, Size(*size))[0].permute(1, 2, 0).numpy()
    assert np.abs(resized.clip(0, 1) * 65535 - expected).max() <= 1


def test_the_same_size_changes_nothing_and_half_precision_becomes_single():
    values = torch.rand(2, 3, 5, 7, dtype=torch.float16)
    assert torch.equal(lanczos(values, Size(7, 5)), values.float())
