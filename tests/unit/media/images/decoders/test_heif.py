import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import read_image

from support.icc import profile
from support.images import COLOR, parse_exif


def heic(image, **options):
    stream = io.BytesIO()
    pillow_heif.from_pillow(image).save(stream, format="HEIF", **{"quality": -1} | options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_8_bits(tmp_path, mode):
    source = PillowImage.fromarray(COLOR).convert(mode)
    (tmp_path / "a.jpg").write_bytes(heic(source, chroma=444, matrix_coefficients=0))
    image = read_image(tmp_path / "a.jpg")
    assert image.pixels.dtype == np.uint8
    assert image.is_gray == (mode == "L")
    expected = np.asarray(source.convert("RGB"))
    assert np.abs(image.pixels.astype(int) - expected).max() <= 1
    assert (image.alpha is not None) == (mode == "RGBA")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_10_bits_reach_the_full_range(tmp_path, channels):
    ramp = (np.arange(64) * 1023 / 63).round().astype(np.uint16)
    values = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None] << 6, (32, 64, channels)))
    mode = {1: "L;16", 3: "RGB;16", 4: "RGBA;16"}[channels]
    stream = io.BytesIO()
    file = pillow_heif.from_bytes(mode, (64, 32), values.tobytes())
    file.save(stream, quality=-1, chroma=444, matrix_coefficients=0)
    (tmp_path / "a.heic").write_bytes(stream.getvalue())
    image = read_image(tmp_path / "a.heic")
    assert image.pixels.dtype == np.uint16
    assert np.abs(image.pixels[9, :, 0] - np.rint(ramp * (65535 / 1023))).max() <= 70
    assert image.pixels.max() == 65535
    assert image.is_gray == (channels == 1)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_metadata_and_turning(tmp_path, orientation):
    """The file says twice how it is turned: it must be turned once."""
    exif = PillowImage.Exif()
    exif[0x0112], exif[0x010F] = orientation, "maker"
    source = PillowImage.fromarray(COLOR[:30])
    data = heic(source, exif=exif.tobytes(), icc_profile=profile(), chroma=444)
    (tmp_path / "a.heic").write_bytes(data)
    image = read_image(tmp_path / "a.heic")
    turned = np.rot90(COLOR[:30], {1: 0, 3: 2, 6: 3}[orientation])
    assert image.pixels.shape == turned.shape
    assert np.abs(image.pixels.astype(int) - turned).mean() < 3
    assert parse_exif(image)[0x010F] == "maker"
    assert parse_exif(image)[0x0112] == 1
    assert image.metadata.icc == profile()


def test_several_images(tmp_path):
    file = pillow_heif.from_pillow(PillowImage.fromarray(COLOR))
    file.add_from_pillow(PillowImage.fromarray(COLOR[::-1].copy()))
    stream = io.BytesIO()
    file.save(stream, quality=-1)
    (tmp_path / "a.heic").write_bytes(stream.getvalue())
    notices = []
    read_image(tmp_path / "a.heic", notify=notices.append)
    assert [notice.code for notice in notices] == ["pages-dropped"]


def test_damage_size_and_a_missing_library(tmp_path, monkeypatch):
    data = heic(PillowImage.fromarray(COLOR))
    path = tmp_path / "a.heic"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableMediaError, match=r"a\.heic: damaged"):
        read_image(path)
    path.write_bytes(data)
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read_image(path, max_pixels=100)
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(UnsupportedMediaError, match="pip install pillow-heif"):
        read_image(path)
