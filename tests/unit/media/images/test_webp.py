import numpy as np
from PIL import Image as PillowImage

from realesr.imaging.image import Image
from realesr.options import EncodingOptions

from support.images import write_image
from support.networks import random_image


def test_lossless_keeps_the_colors_of_invisible_pixels(tmp_path):
    image = Image(random_image(21, 13).pixels, alpha=np.zeros((13, 21), np.uint8))
    write_image(tmp_path / "a.webp", image, EncodingOptions(lossless=True))
    with PillowImage.open(tmp_path / "a.webp") as file:
        assert (np.asarray(file)[..., :3] == image.pixels).all()


def test_gray_becomes_color(tmp_path):
    write_image(tmp_path / "a.webp", random_image(21, 13, gray=True))
    with PillowImage.open(tmp_path / "a.webp") as file:
        assert file.mode == "RGB"
