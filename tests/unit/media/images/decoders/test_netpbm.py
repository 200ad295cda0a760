import numpy as np
import pytest

from realesr.errors import UnreadableMediaError
from realesr.media.images.decode import read_image

from support.networks import random_image


def read(path, data):
    path.write_bytes(data)
    notices = []
    return read_image(path, notify=notices.append), [notice.code for notice in notices]


@pytest.mark.parametrize("most", [255, 1023, 65535])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("is_plain", [False, True])
def test_levels(tmp_path, most, channels, is_plain):
    values = random_image(5, 6, np.uint16).pixels[..., :channels].astype(int) % (most + 1)
    values[0, 0] = most
    number = (2 if channels == 1 else 3) + (0 if is_plain else 3)
    head = f"P{number}\n# a comment\n5 6\n{most}\n".encode()
    stored = values.astype(">u2" if most > 255 else ">u1").tobytes()
    body = " ".join(map(str, values.ravel())).encode() if is_plain else stored
    image, codes = read(tmp_path / "a.ppm", head + body)
    peak = 65535 if most > 255 else 255
    assert (image.pixels == np.rint(values * (peak / most))).all()
    assert image.pixels.dtype == (np.uint16 if most > 255 else np.uint8)
    assert image.is_gray == (channels == 1)
    assert codes == []


def test_bitmaps(tmp_path):
    image, _ = read(tmp_path / "a.pbm", b"P4\n10 2\n\xff\xc0\x00\x00")
    assert (image.pixels[0] == 0).all()
    assert (image.pixels[1] == 255).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_floats(tmp_path, order, channels):
    values = np.linspace(0, 1, 4 * 5 * channels).reshape(4, 5, channels).astype(np.float32)
    head = f"P{'F' if channels == 3 else 'f'}\n5 4\n{'-1.0' if order == '<' else '1.0'}\n"
    data = head.encode() + values[::-1].astype(f"{order}f4").tobytes()
    image, codes = read(tmp_path / "a.pfm", data)
    assert (image.pixels == np.rint(values.astype(np.float64) * 65535)).all()
    assert image.is_gray == (channels == 1)
    assert codes == []


def test_damage(tmp_path):
    for data in (b"P6\n5 6\n65535\nabc", b"P5\n5 6\n70000\nabc", b"PF\n5 6\n-1\nabc", b"P6\n5"):
        with pytest.raises(UnreadableMediaError, match=r"a\.ppm: damaged"):
            read(tmp_path / "a.ppm", data)
