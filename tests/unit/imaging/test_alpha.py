import cv2
import numpy as np
import pytest

from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.tiled import TiledUpscaler
from realesr.imaging.alpha import bleed_colors, bound_alpha, composite
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.models.loader import load_model

from support.networks import random_image
from support.paths import ROOT


def test_colors_bleed_from_the_nearest_visible_pixel_and_no_other_changes():
    pixels = np.zeros((5, 9, 3), np.uint8)
    alpha = np.zeros((5, 9), np.uint8)
    pixels[:, :2], alpha[:, :2] = (200, 10, 10), 255
    pixels[:, 7:], alpha[:, 7:] = (10, 10, 200), 1  # hardly visible counts, too
    bled = bleed_colors(pixels, alpha)
    assert (bled[:, :4] == (200, 10, 10)).all()
    assert (bled[:, 5:] == (10, 10, 200)).all()


@pytest.mark.parametrize("level", [0, 9])
def test_nothing_bleeds_where_all_or_nothing_is_visible(level):
    pixels = random_image(7, 5).pixels
    assert bleed_colors(pixels, np.full((5, 7), level, np.uint8)) is pixels


def disc(side, radius, supersampling=16):
    """Alpha of an antialiased disc, float in [0, 1]: the share of each pixel that it covers."""
    fine = (np.arange(side * supersampling) + 0.5) / supersampling - side / 2
    inside = (fine[:, None] ** 2 + fine**2 <= radius**2).astype(np.float32)
    return cv2.resize(inside, (side, side), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha_upsampler", ["realesrgan", "bicubic"])
def test_a_disc_has_no_halo(depth, alpha_upsampler):
    """On transparent black, upscaled, laid on white and on black, against the ideal."""
    color = np.array([220, 120, 40])
    small = disc(48, 16)
    pixels = np.where(small[..., None] > 0, color, 0).astype(np.uint8)
    alpha = np.rint(small * 255).astype(np.uint8)
    image = Image(
        convert_depth(pixels, np.dtype(depth)), alpha=convert_depth(alpha, np.dtype(depth))
    )
    network = load_model(ROOT / "weights/realesr-photo-x4.safetensors")
    upscale = TiledUpscaler(TorchBackend(network), alpha_upsampler=alpha_upsampler)
    upscaled = upscale(image)
    assert upscaled.pixels.dtype == depth

    def worst(image, background):
        laid = convert_depth(composite(image, background).pixels, np.dtype(np.uint8))
        # A mix of color and background; its share of color may differ, its hue must not.
        share = np.clip((laid.astype(float) - background) @ (color - background), 0, None)
        share /= float((color - background) @ (color - background))
        off_hue = np.abs(laid - (background + share[..., None] * (color - background)))
        off_edge = np.abs(share - disc(192, 64))
        return off_hue.max(), off_edge.max()

    even = np.broadcast_to(color, (48, 48, 3)).astype(np.uint8)
    alone = upscale(Image(np.ascontiguousarray(even))).pixels[32:-32, 32:-32].astype(float)
    own = np.abs(alone - (alone @ color / (color @ color))[..., None] * color).max()
    assert own < 5  # levels by which the network itself changes this hue
    for background in (255, 0):
        off_hue, off_edge = worst(upscaled, background)
        assert off_hue < own + 1
        assert off_edge < 0.5  # a share: an edge one LR pixel wide is 4 px wide here

    without = upscale(Image(image.pixels))  # black is mixed into the edge
    halo, _ = worst(Image(without.pixels, alpha=upscaled.alpha), 0)
    assert halo > 10  # five times the bound, which so means something


def test_upscaled_alpha_stays_within_its_neighborhood():
    alpha = np.zeros((12, 12), np.uint8)
    alpha[:, 6:] = 200
    rung = np.full((24, 24), 255, np.uint8)
    bounded = bound_alpha(rung, alpha, 2)
    assert (bounded[:, :8] == 0).all()  # 3 px and more from the edge
    assert (bounded[:, 8:] == 200).all()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("background", [0, 255])
def test_compositing_is_the_weighted_mean(depth, background):
    image = random_image(9, 7, depth, alpha=True)
    laid = composite(image, background)
    share = image.alpha[..., None] / image.peak
    backdrop = background / 255 * image.peak
    expected = image.pixels * share + backdrop * (1 - share)
    assert laid.alpha is None
    assert np.abs(laid.pixels - expected).max() <= 0.51
    assert composite(laid) is laid
