import importlib.util
import io
import sys
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.imaging.image import Metadata
from realesr.media.images import png
from realesr.media.images.channels import join_channels
from realesr.media.images.decode import decode_image

from support.networks import random_image

needs_isal = pytest.mark.skipif(
    importlib.util.find_spec("isal") is None, reason="isal has no wheel for this platform"
)
COMPRESSORS = [pytest.param("isal.isal_zlib", marks=needs_isal), "zlib"]


@pytest.fixture(params=COMPRESSORS)
def compressor(request, monkeypatch):
    module = importlib.import_module(request.param)
    monkeypatch.setattr(png, "_deflate", module)
    return module


def encode(image):
    channels = join_channels(image.pixels, image.alpha, is_gray=image.is_gray)
    return b"".join(png.encode_png(channels, Metadata()))


def decode_with_opencv(data):
    """RGB or RGBA: gray is repeated, as OpenCV itself does for gray with alpha."""
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels.ndim == 2:
        return np.repeat(levels[..., None], 3, axis=2)
    return levels[..., [2, 1, 0, 3][: levels.shape[2]]]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("band_bytes", [1, 1000, 4 * 2**20])
def test_others_decode_exactly_what_was_encoded(
    monkeypatch, compressor, depth, gray, alpha, band_bytes
):
    """Bands of one row, of some rows, and of the whole image; OpenCV, Pillow and our own reader."""
    monkeypatch.setattr(png, "_BAND_BYTES", band_bytes)
    image = random_image(53, 29, depth, gray=gray, alpha=alpha)
    data = encode(image)
    levels = decode_with_opencv(data)
    assert levels.dtype == depth
    assert (levels[..., :3] == image.pixels).all()
    if alpha:
        assert (levels[..., 3] == image.alpha).all()
    again = decode_image(data, Path("a.png"))
    assert again.is_gray == gray
    assert (again.pixels == image.pixels).all()
    assert (again.alpha == image.alpha).all() if alpha else again.alpha is None
    with PillowImage.open(io.BytesIO(data)) as opened:
        opened.verify()
    with PillowImage.open(io.BytesIO(data)) as opened:
        shown = np.asarray(opened)
    expected = join_channels(image.pixels, image.alpha, is_gray=gray)
    if depth == np.uint8 or (gray and not alpha):
        assert (shown == expected).all()
    else:  # Pillow keeps the upper 8 of 16 bits; it turns gray with alpha into RGBA
        if gray:
            expected = np.repeat(expected, (3, 1), axis=2)
        assert (shown == expected >> 8).all()


@needs_isal
def test_isal_compresses_where_it_is_installed():
    assert png.import_deflate().__name__ == "isal.isal_zlib"


def test_zlib_takes_its_place_without_a_word(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)  # makes its import fail
    assert png.import_deflate() is zlib
    assert capfd.readouterr() == ("", "")


def test_memory_stays_flat(monkeypatch, compressor):
    """Beside the image only bands are held, also where nothing can be compressed."""
    monkeypatch.setattr(png, "_BAND_BYTES", 2**18)
    image = random_image(2000, 2000)
    tracemalloc.start()
    try:
        size_bytes = sum(len(part) for part in png.encode_png(image.pixels, Metadata()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size_bytes > image.pixels.nbytes
    assert peak < 8 * png._BAND_BYTES < image.pixels.nbytes / 5
