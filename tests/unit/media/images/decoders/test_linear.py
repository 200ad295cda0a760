"""OpenEXR and Radiance files, by hand and by OpenCV."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import ImageCms

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import read_image


def attribute(name, kind, body):
    return name + b"\0" + kind + b"\0" + struct.pack("<I", len(body)) + body


def exr(values, names, *, dtype="<f4", extra=b""):
    """An uncompressed EXR of planes, (C, H, W), whose names are in alphabetical order."""
    _, height, width = values.shape
    pixel_type = 1 if dtype == "<f2" else 2
    channels = b"".join(name + b"\0" + struct.pack("<IIII", pixel_type, 0, 1, 1) for name in names)
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"\x76\x2f\x31\x01\2\0\0\0" + b"".join(
        (
            attribute(b"channels", b"chlist", channels + b"\0"),
            attribute(b"compression", b"compression", b"\0"),
            attribute(b"dataWindow", b"box2i", window),
            attribute(b"displayWindow", b"box2i", window),
            attribute(b"lineOrder", b"lineOrder", b"\0"),
            attribute(b"pixelAspectRatio", b"float", struct.pack("<f", 1)),
            attribute(b"screenWindowCenter", b"v2f", bytes(8)),
            attribute(b"screenWindowWidth", b"float", struct.pack("<f", 1)),
            extra,
            b"\0",
        )
    )
    lines = [values[:, y].astype(dtype).tobytes() for y in range(height)]
    start = len(header) + 8 * height
    table = b"".join(struct.pack("<Q", start + y * (8 + len(lines[0]))) for y in range(height))
    body = b"".join(struct.pack("<iI", y, len(line)) + line for y, line in enumerate(lines))
    return header + table + body


def read(path, data, **options):
    path.write_bytes(data)
    notices = []
    return read_image(path, notify=notices.append, **options), [each.code for each in notices]


def tone(icc):
    """Exponent of a profile's curve, and its red primary."""
    parsed = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile
    return parsed.red_primary and parsed.red_primary[1][:2]


@pytest.mark.parametrize("dtype", ["<f2", "<f4"])
def test_exr_stays_linear(tmp_path, dtype):
    values = np.linspace(0, 1, 3 * 6 * 8).reshape(3, 6, 8).astype(dtype)
    image, codes = read(tmp_path / "a.exr", exr(values, [b"B", b"G", b"R"], dtype=dtype))
    expected = np.rint(np.moveaxis(values[::-1], 0, 2).astype(np.float64) * 65535)
    assert (image.pixels == expected).all()
    assert b"acsp" in image.metadata.icc
    assert codes == []


def test_alpha_of_exr_is_multiplied_in(tmp_path):
    values = np.full((4, 6, 8), 0.25)
    values[0] = 0.5  # A, B, G, R
    image, codes = read(tmp_path / "a.exr", exr(values, [b"A", b"B", b"G", b"R"]))
    assert (image.pixels == 32768).all()
    assert (image.alpha == 32768).all()
    assert codes == []


def test_gray_exr(tmp_path):
    image, _ = read(tmp_path / "a.exr", exr(np.full((1, 6, 8), 0.5), [b"Y"]))
    assert image.is_gray
    assert (image.pixels == 32768).all()
    assert image.metadata.icc[16:20] == b"GRAY"


def test_primaries_are_told_by_the_profile(tmp_path):
    p3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)
    extra = attribute(b"chromaticities", b"chromaticities", struct.pack("<8f", *p3))
    plain = exr(np.full((3, 6, 8), 0.5), [b"B", b"G", b"R"])
    other = exr(np.full((3, 6, 8), 0.5), [b"B", b"G", b"R"], extra=extra)
    reds = [tone(read(tmp_path / "a.exr", data)[0].metadata.icc) for data in (plain, other)]
    assert reds[0] != reds[1]


def test_highlights_are_clipped_and_told(tmp_path):
    values = np.full((3, 6, 8), 0.5)
    values[:, 0, 0] = 12
    image, codes = read(tmp_path / "a.exr", exr(values, [b"B", b"G", b"R"]))
    assert (image.pixels[0, 0] == 65535).all()
    assert (image.pixels[1:] == 32768).all()
    assert codes == ["values-mapped"]


def test_radiance(tmp_path):
    values = np.random.default_rng(0).random((9, 12, 3)).astype(np.float32)
    _, data = cv2.imencode(".hdr", values[..., ::-1])
    image, codes = read(tmp_path / "a.hdr", data.tobytes())
    assert np.abs(image.pixels / 65535 - values).max() < 1 / 128  # a shared exponent of 8 bits
    assert b"acsp" in image.metadata.icc
    assert codes == []


def test_damage_and_size(tmp_path):
    data = exr(np.full((3, 60, 80), 0.5), [b"B", b"G", b"R"])
    for wrong in (data[:40], b"#?RADIANCE\n\nnothing"):
        with pytest.raises(UnreadableMediaError, match=r"a\.exr: damaged"):
            read(tmp_path / "a.exr", wrong)
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read(tmp_path / "a.exr", data, max_pixels=1000)
    _, data = cv2.imencode(".hdr", np.zeros((60, 80, 3), np.float32))
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read(tmp_path / "a.hdr", data.tobytes(), max_pixels=1000)
