"""BMPs of free masks, by hand (BITMAPV5HEADER)."""

import io
import struct

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import read_image

from support.images import COLOR


def bmp(values, masks, *, size=124, is_top_down=False, compression=3):
    """A BMP of pixels, (H, W) uint16 or uint32."""
    height, width = values.shape
    bits = 8 * values.itemsize
    header = struct.pack("<IiiHHI", size, width, -height if is_top_down else height, 1, bits, 3)
    header = header[:-4] + struct.pack("<I", compression) + bytes(20)
    count = 4 if size > 40 or compression == 6 else 3
    header = (header + struct.pack(f"<{count}I", *masks[:count])).ljust(size, b"\0")
    rows = values if is_top_down else values[::-1]
    stride = -(-width * values.itemsize // 4) * 4
    body = b"".join(
        row.astype(f"<u{values.itemsize}").tobytes().ljust(stride, b"\0") for row in rows
    )
    start = 14 + len(header)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + header + body


def packed(channels, masks, dtype):
    """Puts channels, (H, W) each, into the bits of masks."""
    values = np.zeros(channels[0].shape, dtype)
    for channel, mask in zip(channels, masks, strict=False):
        shift = (mask & -mask).bit_length() - 1 if mask else 0
        values |= (channel.astype(np.uint64) << shift).astype(dtype) & dtype(mask)
    return values


CASES = {
    "4444": (np.uint16, (0x0F00, 0x00F0, 0x000F, 0xF000)),
    "x444": (np.uint16, (0x0F00, 0x00F0, 0x000F, 0)),
    "1555": (np.uint16, (0x7C00, 0x03E0, 0x001F, 0x8000)),
    "565": (np.uint16, (0xF800, 0x07E0, 0x001F, 0)),
    "odd": (np.uint32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "233": (np.uint32, (0x3, 0x1C, 0xE0, 0)),
    "10": (np.uint32, (0x3FF00000, 0x000FFC00, 0x000003FF, 0xC0000000)),
}


@pytest.mark.parametrize("is_top_down", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_any_masks(tmp_path, case, is_top_down):
    dtype, masks = CASES[case]
    rng = np.random.default_rng(0)
    peaks = [2 ** mask.bit_count() - 1 for mask in masks]
    channels = [rng.integers(0, peak + 1, (5, 7)) for peak in peaks]
    data = bmp(packed(channels, masks, dtype), masks, is_top_down=is_top_down)
    (tmp_path / "a.bmp").write_bytes(data)
    image = read_image(tmp_path / "a.bmp")
    assert image.pixels.dtype == (np.uint16 if max(peaks) > 255 else np.uint8)
    for index in range(3):
        expected = np.rint(channels[index] * (image.peak / peaks[index]))
        assert (image.pixels[..., index] == expected).all()
    if masks[3]:
        assert (image.alpha == np.rint(channels[3] * (image.peak / peaks[3]))).all()
    else:
        assert image.alpha is None


def test_masks_behind_the_shortest_header(tmp_path):
    values = np.array([[0xF800, 0x07E0, 0x001F]], np.uint16)
    (tmp_path / "a.bmp").write_bytes(bmp(values, (0xF800, 0x07E0, 0x001F), size=40))
    image = read_image(tmp_path / "a.bmp")
    assert image.pixels[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    data = bmp(values, (0xF800, 0x07C0, 0x001F, 0x0020), size=40, compression=6)
    (tmp_path / "a.bmp").write_bytes(data)
    assert read_image(tmp_path / "a.bmp").alpha[0].tolist() == [0, 255, 0]


def test_an_alpha_of_nothing_but_zeros_is_none(tmp_path):
    dtype, masks = CASES["1555"]
    (tmp_path / "a.bmp").write_bytes(bmp(np.full((3, 3), 0x1234, dtype), masks))
    assert read_image(tmp_path / "a.bmp").alpha is None


@pytest.mark.parametrize(("kind", "compression"), [("JPEG", 4), ("PNG", 5)])
def test_embedded_files(tmp_path, kind, compression):
    stream = io.BytesIO()
    PillowImage.fromarray(COLOR).save(stream, kind)
    body = stream.getvalue()
    header = struct.pack("<IiiHHII", 40, 40, 40, 1, 0, compression, len(body)) + bytes(16)
    data = struct.pack("<2sIHHI", b"BM", 54 + len(body), 0, 0, 54) + header + body
    (tmp_path / "a.bmp").write_bytes(data)
    assert np.abs(read_image(tmp_path / "a.bmp").pixels.astype(int) - COLOR).mean() < 3


def test_damage(tmp_path):
    dtype, masks = CASES["4444"]
    data = bmp(np.ones((20, 20), dtype), masks)
    (tmp_path / "a.bmp").write_bytes(data[:-10])
    with pytest.raises(UnreadableMediaError, match=r"a\.bmp: damaged.*missing"):
        read_image(tmp_path / "a.bmp")
    (tmp_path / "a.bmp").write_bytes(data)
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read_image(tmp_path / "a.bmp", max_pixels=100)
    (tmp_path / "a.bmp").write_bytes(bmp(np.ones((2, 2), dtype), (5, 2, 8, 0)))
    with pytest.raises(UnreadableMediaError, match="lie together"):
        read_image(tmp_path / "a.bmp")
