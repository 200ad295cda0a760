"""Formats that Pillow reads alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import decode_image, read_image

from support.images import COLOR

RGBA = np.dstack([COLOR, COLOR[..., 0]])


def encoded(array, kind, mode=None, **options):
    stream = io.BytesIO()
    image = PillowImage.fromarray(array)
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_gif(tmp_path, suffix):
    few = (COLOR // 64 * 64)[:16]
    frames = [PillowImage.fromarray(few), PillowImage.fromarray(few[::-1].copy())]
    path = tmp_path / f"a{suffix}"
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])
    notices = []
    image = read_image(path, notify=notices.append)
    assert (image.pixels == few).all()
    assert [notice.code for notice in notices] == ["pages-dropped"]


@pytest.mark.parametrize("compression", [None, "tga_rle"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tga(tmp_path, compression, channels):
    array = RGBA[..., :channels].squeeze()
    (tmp_path / "a.tga").write_bytes(encoded(array, "TGA", compression=compression))
    image = read_image(tmp_path / "a.tga")
    assert (image.pixels == array.reshape(*COLOR.shape[:2], -1)[..., :3]).all()
    assert image.is_gray == (channels == 1)
    assert (image.alpha is not None) == (channels == 4)


def test_ico_gives_its_largest_image(tmp_path):
    (tmp_path / "a.ico").write_bytes(encoded(RGBA, "ICO", sizes=[(16, 16), (40, 40)]))
    image = read_image(tmp_path / "a.ico")
    assert (image.pixels == COLOR).all()
    assert (image.alpha == RGBA[..., 3]).all()


def test_names_decide_nothing_but_tga():
    for kind in ("GIF", "PPM", "JPEG2000"):
        assert decode_image(encoded(COLOR, kind), Path("a.jpg")).size.width == 40
    with pytest.raises(UnreadableMediaError, match="not an image"):
        decode_image(encoded(COLOR, "TGA")[:-26], Path("a.jpg"))


@pytest.mark.parametrize("kind", ["GIF", "TGA", "ICO", "PPM", "JPEG2000"])
def test_damage_and_size(kind):
    data = encoded(COLOR, kind)
    path = Path("a.tga")
    with pytest.raises(UnreadableMediaError, match=r"a\.tga: (damaged|not an image)"):
        decode_image(data[: len(data) // 3], path)
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        decode_image(data, path, max_pixels=100)
