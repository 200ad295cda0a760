import cv2
import numpy as np

from realesr.options import EncodingOptions

from support.images import write_image
from support.networks import random_image

LOSSLESS = EncodingOptions(lossless=True)


def decoded(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]


def test_16_bits_are_rounded_to_12(tmp_path):
    image = random_image(21, 13, np.uint16)
    write_image(tmp_path / "a.avif", image, LOSSLESS)
    assert (decoded(tmp_path / "a.avif") == np.rint(image.pixels / 65535 * 4095)).all()


def test_lossless_is_exact_and_the_default_is_not(tmp_path):
    image = random_image(21, 13)
    write_image(tmp_path / "exact.avif", image, LOSSLESS)
    write_image(tmp_path / "default.avif", image)
    assert (decoded(tmp_path / "exact.avif") == image.pixels).all()
    assert (decoded(tmp_path / "default.avif") != image.pixels).any()
