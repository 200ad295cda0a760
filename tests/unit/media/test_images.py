import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError, UnsupportedMediaError, UnwritableMediaError
from realesr.imaging.image import Image
from realesr.media.images import read_image

from support.networks import random_image
from support.pictures import write_image

SMOOTH = np.stack(np.meshgrid(np.arange(0, 240, 6), np.arange(0, 200, 5)), axis=2)
COLOUR = np.concatenate([SMOOTH, 255 - SMOOTH[..., :1]], axis=2).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (31, 17)])
def test_lossless_formats_round_trip(tmp_path, suffix, gray, size):
    image = random_image(*size, gray=gray)
    path = tmp_path / f"ä b{suffix}"
    write_image(path, image)
    again = read_image(path)
    assert (again.pixels == image.pixels).all()
    if suffix == ".png":
        assert again.is_gray == gray


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp"])
@pytest.mark.parametrize("gray", [False, True])
def test_lossy_formats_keep_channels_and_colour(tmp_path, suffix, gray):
    pixels = np.repeat(COLOUR[..., :1], 3, axis=2) if gray else COLOUR
    path = tmp_path / f"a{suffix}"
    write_image(path, Image(pixels, is_gray=gray))
    again = read_image(path)
    assert again.is_gray == (gray and suffix != ".webp")  # WebP has no grey
    assert np.abs(again.pixels.astype(int) - pixels).mean() < 4


def test_16_bit_png_is_written_as_such(tmp_path):
    image = random_image(9, 5, np.uint16)
    write_image(tmp_path / "a.png", image)
    pixels = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert pixels.dtype == np.uint16
    assert (pixels[..., ::-1] == image.pixels).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path, orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    stored = PillowImage.fromarray(COLOUR)
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    height, width = COLOUR.shape[:2]
    pixels = read_image(tmp_path / "a.jpg").pixels
    assert pixels.shape[:2] == ((width, height) if orientation > 4 else (height, width))
    undo = {1: 0, 6: 1, 3: 2, 8: 3}
    if orientation in undo:
        upright = np.rot90(pixels, undo[orientation])
        assert np.abs(upright.astype(int) - COLOUR).mean() < 4


def test_palettes_and_cmyk_become_rgb(tmp_path):
    palette = PillowImage.fromarray(COLOUR).quantize(256)
    palette.save(tmp_path / "p.png")
    expected = np.asarray(palette.convert("RGB"))
    assert (read_image(tmp_path / "p.png").pixels == expected).all()
    PillowImage.fromarray(COLOUR).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "c.jpg").pixels.astype(int) - COLOUR).mean() < 6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16"])
def test_what_would_be_lost_is_refused(tmp_path, mode):
    dtype = np.uint16 if mode == "I;16" else np.uint8
    channels = {"RGBA": (4,), "LA": (2,), "I;16": ()}[mode]
    PillowImage.fromarray(np.zeros((4, 5, *channels), dtype)).save(tmp_path / "a.png")
    with pytest.raises(UnsupportedMediaError, match=r"a\.png"):
        read_image(tmp_path / "a.png")


def test_transparent_palettes_are_refused(tmp_path):
    PillowImage.fromarray(COLOUR).quantize(16).save(tmp_path / "a.png", transparency=3)
    with pytest.raises(UnsupportedMediaError, match=r"a\.png"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0, 0.1, 0.6, 0.95])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    path = tmp_path / f"cut{suffix}"
    write_image(path, random_image(200, 150))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableMediaError, match=f"cut{suffix}"):
        read_image(path)


def test_other_content_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("not a picture at all")
    with pytest.raises(UnreadableMediaError, match=r"a\.png.*not a picture"):
        read_image(tmp_path / "a.png")


def test_missing_files_and_folders_are_refused(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name in ("none.png", "folder.png"):
        with pytest.raises(UnreadableMediaError, match=name):
            read_image(tmp_path / name)


def test_size_limits_of_a_format_are_reported(tmp_path):
    wide = Image(np.zeros((1, 16400, 3), np.uint8))
    with pytest.raises(UnwritableMediaError, match=r"a\.webp"):
        write_image(tmp_path / "a.webp", wide)
    assert not list(tmp_path.iterdir())
