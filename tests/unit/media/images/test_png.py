import cv2
import numpy as np
from PIL import Image as PillowImage

from support.images import write_image
from support.networks import random_image


def test_16_bit_gray_with_alpha_is_what_others_read(tmp_path):
    """Written by our own hand: OpenCV decodes the same values, and Pillow finds nothing wrong."""
    image = random_image(21, 13, np.uint16, gray=True, alpha=True)
    write_image(tmp_path / "a.png", image)
    levels = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert (levels[..., :3] == image.pixels).all()
    assert (levels[..., 3] == image.alpha).all()
    with PillowImage.open(tmp_path / "a.png") as image:
        image.verify()
