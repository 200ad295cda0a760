"""Sizes of images from their headers."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.media.images.header import PIXELS_OF_BYTE, estimated_pixels


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp", "a.gif"])
def test_a_header_tells_the_pixels(tmp_path, name):
    PillowImage.fromarray(np.zeros((30, 50, 3), np.uint8)).save(tmp_path / name)
    assert estimated_pixels(tmp_path / name) == 1500


def test_where_none_tells_the_bytes_do(tmp_path):
    path = tmp_path / "a.webp"
    PillowImage.fromarray(np.zeros((30, 50, 3), np.uint8)).save(path)
    assert estimated_pixels(path) == PIXELS_OF_BYTE * path.stat().st_size
    (tmp_path / "b.png").write_bytes(b"no image")
    assert estimated_pixels(tmp_path / "b.png") == PIXELS_OF_BYTE * 8
    assert estimated_pixels(tmp_path / "none.png") == 0
    assert estimated_pixels(tmp_path / "none.png", 7) == PIXELS_OF_BYTE * 7  # in a store


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_large_image_is_no_warning(tmp_path, side):
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT\0\0\0\0")
    assert estimated_pixels(tmp_path / "a.png") > 0
