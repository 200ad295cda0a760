import imagecodecs
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import read_image

from support.images import COLOR
from support.networks import random_image


@pytest.mark.parametrize("codec", ["jp2", "j2k"])
@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_deep_images(tmp_path, codec, bits, channels):
    values = random_image(33, 21, np.uint16).pixels[..., :channels] >> (16 - bits)
    values = np.ascontiguousarray(values.squeeze())
    data = imagecodecs.jpeg2k_encode(values, level=0, bitspersample=bits, codecformat=codec)
    (tmp_path / "a.jp2").write_bytes(data)
    image = read_image(tmp_path / "a.jp2")
    expected = np.rint(values * (65535 / (2**bits - 1))).reshape(21, 33, -1)
    assert (image.pixels == expected).all()
    assert image.is_gray == (channels == 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_8_bits(tmp_path, mode):
    source = PillowImage.fromarray(COLOR).convert(mode)
    source.save(tmp_path / "a.jp2", irreversible=False)
    image = read_image(tmp_path / "a.jp2")
    assert (image.pixels == np.asarray(source.convert("RGB"))).all()
    assert (image.alpha is not None) == mode.endswith("A")
    assert image.is_gray == mode.startswith("L")


def test_damage_and_size(tmp_path):
    values = random_image(64, 64, np.uint16).pixels
    data = imagecodecs.jpeg2k_encode(values, level=0, bitspersample=16)
    (tmp_path / "a.jp2").write_bytes(data)
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read_image(tmp_path / "a.jp2", max_pixels=100)
    (tmp_path / "a.jp2").write_bytes(data[:60])
    with pytest.raises(UnreadableMediaError, match=r"a\.jp2: damaged"):
        read_image(tmp_path / "a.jp2")
