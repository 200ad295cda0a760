import numpy as np
import pytest

from realesr.imaging.image import Image
from realesr.media.formats import IMAGES
from realesr.media.images.decode import read_image
from realesr.options import EncodingOptions

from support.images import COLOR, write_image
from support.networks import random_image

LOSSLESS = EncodingOptions(lossless=True)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (31, 17)])
def test_lossless_formats_round_trip(tmp_path, suffix, gray, alpha, size):
    image = random_image(*size, gray=gray, alpha=alpha)
    path = tmp_path / f"ä b{suffix}"
    write_image(path, image, LOSSLESS)
    again = read_image(path)
    if not alpha:
        assert again.alpha is None
        assert (again.pixels == image.pixels).all()
    else:
        assert (again.alpha == image.alpha).all()
        visible = image.alpha > 0
        assert (again.pixels[visible] == image.pixels[visible]).all()
    if suffix in (".png", ".tif"):
        assert again.is_gray == gray


@pytest.mark.parametrize("suffix", [".png", ".tif", ".avif"])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_16_bits_round_trip(tmp_path, suffix, gray, alpha):
    image = random_image(21, 13, np.uint16, gray=gray, alpha=alpha)
    write_image(tmp_path / f"a{suffix}", image, LOSSLESS)
    again = read_image(tmp_path / f"a{suffix}")
    step = 65535 / 4095 / 2 + 1 if suffix == ".avif" else 0  # it has 12 bits
    assert again.pixels.dtype == np.uint16
    assert np.abs(again.pixels.astype(int) - image.pixels).max() <= step
    assert (again.alpha is not None) == alpha
    if alpha:
        assert np.abs(again.alpha.astype(int) - image.alpha).max() <= step
    if suffix == ".png" or not alpha:  # else there is no gray with alpha
        assert again.is_gray == gray


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp", ".avif"])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_lossy_formats_keep_channels_and_color(tmp_path, suffix, gray, depth):
    """16 bits into JPEG and WebP do not turn white."""
    pixels = np.repeat(COLOR[..., :1], 3, axis=2) if gray else COLOR
    path = tmp_path / f"a{suffix}"
    write_image(path, Image(pixels.astype(depth) * (np.iinfo(depth).max // 255), is_gray=gray))
    again = read_image(path)
    assert again.is_gray == (gray and suffix != ".webp")  # WebP has no gray
    is_deep = depth == np.uint16 and suffix == ".avif"
    assert again.pixels.dtype == (np.uint16 if is_deep else np.uint8)
    assert np.abs(again.pixels / again.peak - pixels / 255).mean() < 0.01


@pytest.mark.parametrize("suffix", sorted(set(IMAGES.output_suffixes) - {".gif"}))
@pytest.mark.parametrize("is_writeable", [False, True])
def test_writing_leaves_the_image_as_it_was(tmp_path, suffix, is_writeable):
    image = random_image(9, 5)
    image.pixels.flags.writeable = is_writeable
    write_image(tmp_path / f"a{suffix}", image)
    assert (image.pixels == random_image(9, 5).pixels).all()


def test_16_bits_into_bmp_are_rounded(tmp_path):
    image = random_image(9, 5, np.uint16, alpha=True)
    write_image(tmp_path / "a.bmp", image)
    again = read_image(tmp_path / "a.bmp")
    assert (again.pixels == (image.pixels.astype(int) + 128) // 257).all()
    assert (again.alpha == (image.alpha.astype(int) + 128) // 257).all()
