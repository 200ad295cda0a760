import imagecodecs
import numpy as np
import pytest

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import read_image
from realesr.media.images.decoders.jpeg_xl_header import read_header

from support.networks import random_image

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"


def box(kind, body):
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def read(path, data, **options):
    path.write_bytes(data)
    notices = []
    image = read_image(path, notify=notices.append, **options)
    return image, [notice.code for notice in notices]


def codestream(data):
    """What imagecodecs has written, without a container."""
    if data.startswith(b"\xff\x0a"):
        return bytes(data)
    return bytes(data[data.index(b"jxlc") + 4 :])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_lossless_integers(tmp_path, dtype, channels):
    source = random_image(17, 13, dtype)
    values = np.dstack([source.pixels, source.pixels[..., :1]])[..., :channels]
    values = np.ascontiguousarray(values.squeeze())
    data = imagecodecs.jpegxl_encode(values, lossless=True)
    image, _ = read(tmp_path / "a.jxl", data)
    color = values if channels == 1 else values[..., : 1 if channels == 2 else 3]
    assert (image.pixels == color.reshape(13, 17, -1)).all()
    assert image.is_gray == (channels < 3)
    if channels in (2, 4):
        assert (image.alpha == values[..., -1]).all()


@pytest.mark.parametrize("bits", [10, 12])
def test_other_depths_reach_the_full_range(tmp_path, bits):
    values = (random_image(9, 8, np.uint16).pixels >> (16 - bits)).astype(np.uint16)
    data = imagecodecs.jpegxl_encode(values, lossless=True, bitspersample=bits)
    image, _ = read(tmp_path / "a.jxl", data)
    assert (image.pixels == np.rint(values * (65535 / (2**bits - 1)))).all()


def test_floats(tmp_path):
    values = np.linspace(0, 1, 5 * 6 * 3).astype(np.float32).reshape(5, 6, 3)
    image, codes = read(tmp_path / "a.jxl", imagecodecs.jpegxl_encode(values, lossless=True))
    assert np.abs(image.pixels / 65535 - values).max() < 1e-4
    assert image.metadata.icc  # of linear tone, as the encoder says
    assert codes == []


@pytest.mark.parametrize("shape", [(8, 8), (16, 12), (9, 16), (300, 400), (1000, 3), (70, 70)])
@pytest.mark.parametrize("bits", [8, 10, 16])
def test_headers(shape, bits):
    values = np.zeros((*shape, 3), np.uint8 if bits == 8 else np.uint16)
    header = read_header(
        codestream(imagecodecs.jpegxl_encode(values, lossless=True, bitspersample=bits))
    )
    assert (header.height, header.width, header.bits) == (*shape, bits)
    assert not header.is_animated
    assert header.is_srgb or header.is_linear


def test_animations_give_their_first_image(tmp_path):
    frames = np.stack([random_image(9, 8).pixels, np.zeros((8, 9, 3), np.uint8)])
    data = imagecodecs.jpegxl_encode(frames, lossless=True, photometric="rgb")
    image, codes = read(tmp_path / "a.jxl", data)
    assert (image.pixels == frames[0]).all()
    assert codes == ["pages-dropped"]


@pytest.mark.parametrize("is_compressed", [False, True])
def test_boxes_with_metadata(tmp_path, is_compressed):
    stream = codestream(imagecodecs.jpegxl_encode(np.zeros((8, 8, 3), np.uint8), lossless=True))
    exif = bytes(4) + b"MM\0*\0\0\0\x08\0\1\x01\x0f\0\2\0\0\0\4abc\0\0\0\0\0"
    boxes = {b"Exif": exif, b"xml ": b"<xmp>"}
    if is_compressed:
        parts = [
            box(b"brob", kind + imagecodecs.brotli_encode(body)) for kind, body in boxes.items()
        ]
    else:
        parts = [box(kind, body) for kind, body in boxes.items()]
    head = SIGNATURE + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    image, codes = read(tmp_path / "a.jxl", head + b"".join(parts) + box(b"jxlc", stream))
    assert image.metadata.xmp == b"<xmp>"
    assert b"abc" in image.metadata.exif
    assert codes == []


def test_damage_and_size(tmp_path):
    data = imagecodecs.jpegxl_encode(random_image(64, 64).pixels, lossless=True)
    with pytest.raises(UnreadableMediaError, match=r"a\.jxl: damaged"):
        read(tmp_path / "a.jxl", data[: len(data) // 2])
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read(tmp_path / "a.jxl", data, max_pixels=1000)
    with pytest.raises(UnreadableMediaError, match=r"a\.jxl: damaged"):
        read(tmp_path / "a.jxl", data[:5])
