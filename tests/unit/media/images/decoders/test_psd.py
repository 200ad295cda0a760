"""The flat picture of PSD files, by hand (Adobe Photoshop File Formats Specification)."""

import struct

import imagecodecs
import numpy as np
import pytest

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import read_image

from support.icc import cmyk_profile, profile
from support.networks import random_image

GRAY, RGB, CMYK, LAB = 1, 3, 4, 9


def psd(planes, mode, *, version=1, is_packed=False, resources=()):
    """A PSD of planes, (C, H, W), big-endian."""
    channels, height, width = planes.shape
    bits = 8 * planes.itemsize
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, channels, height, width, bits, mode)
    blocks = b"".join(
        struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body + bytes(len(body) % 2)
        for number, body in resources
    )
    layers = bytes(8 if version == 2 else 4)
    stored = planes.astype(planes.dtype.newbyteorder(">"))
    if is_packed:
        rows = [imagecodecs.packbits_encode(row.tobytes()) for plane in stored for row in plane]
        counts = np.array([len(row) for row in rows], ">u4" if version == 2 else ">u2")
        body = b"\0\1" + counts.tobytes() + b"".join(rows)
    else:
        body = b"\0\0" + stored.tobytes()
    return head + bytes(4) + struct.pack(">I", len(blocks)) + blocks + layers + body


def read(path, data, **options):
    path.write_bytes(data)
    notices = []
    return read_image(path, notify=notices.append, **options), [each.code for each in notices]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize(("mode", "channels"), [(GRAY, 1), (RGB, 3), (RGB, 4)])
def test_colors(tmp_path, dtype, version, is_packed, mode, channels):
    source = random_image(9, 7, dtype).pixels
    planes = np.moveaxis(np.dstack([source, source[..., :1]])[..., :channels], 2, 0)
    data = psd(planes, mode, version=version, is_packed=is_packed)
    image, codes = read(tmp_path / "a.psd", data)
    assert (image.pixels == source[..., : min(channels, 3)]).all()
    assert image.pixels.dtype == dtype
    assert image.is_gray == (mode == GRAY)
    assert (image.alpha is not None) == (channels == 4)
    if channels == 4:
        assert (image.alpha == source[..., 0]).all()
    assert codes == []


def test_floats(tmp_path):
    planes = np.linspace(0, 1, 3 * 4 * 5).astype(np.float32).reshape(3, 4, 5)
    image, codes = read(tmp_path / "a.psd", psd(planes, RGB))
    assert (image.pixels == np.rint(np.moveaxis(planes, 0, 2).astype(float) * 65535)).all()
    assert codes == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_counts_from_full_ink(tmp_path, dtype):
    peak = np.iinfo(dtype).max
    planes = np.full((4, 2, 2), peak, dtype)
    planes[0] = 0
    image, codes = read(tmp_path / "a.psd", psd(planes, CMYK))
    assert (image.pixels == [0, peak, peak]).all()
    data = psd(planes, CMYK, resources=[(1039, cmyk_profile())])
    image, codes = read(tmp_path / "a.psd", data)
    assert np.abs(image.pixels / peak * 255 - [75, 200, 178]).max() < 2
    assert codes == ["color-converted"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lab(tmp_path, dtype):
    unit, peak = (1, 255) if dtype == np.uint8 else (256, 65535)
    planes = np.array([round(0.5359 * peak), 128 * unit, 128 * unit], dtype)[:, None, None]
    image, codes = read(tmp_path / "a.psd", psd(np.tile(planes, (1, 2, 2)), LAB))
    assert np.abs(image.pixels / peak * 255 - 128).max() <= 2
    assert codes == ["color-converted"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_metadata(tmp_path, dtype):
    resources = [(1000, b"odd"), (1039, profile()), (1060, b"<xmp>")]
    planes = np.zeros((3, 2, 2), dtype)
    image, codes = read(tmp_path / "a.psd", psd(planes, RGB, resources=resources))
    assert image.metadata.icc == profile()
    assert codes == []
    if dtype == np.uint16:
        assert image.metadata.xmp == b"<xmp>"


def test_damage_and_size(tmp_path):
    data = psd(random_image(20, 20, np.uint16).pixels.transpose(2, 0, 1), RGB)
    with pytest.raises(UnreadableMediaError, match=r"a\.psd: damaged.*missing"):
        read(tmp_path / "a.psd", data[:-50])
    with pytest.raises(UnreadableMediaError, match=r"a\.psd: damaged"):
        read(tmp_path / "a.psd", data[:20])
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read(tmp_path / "a.psd", data, max_pixels=100)
    with pytest.raises(UnsupportedMediaError, match="color mode 7"):
        read(tmp_path / "a.psd", psd(np.zeros((3, 2, 2), np.uint16), 7))
