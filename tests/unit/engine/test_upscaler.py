import cv2
import numpy as np
import pytest
import torch
from torch import nn

from realesr.engine.upscaler import Upscaler
from realesr.errors import OutOfMemoryError
from realesr.imaging.image import Image
from realesr.models.rrdbnet import RRDBNet
from realesr.models.srvgg import SRVGGNetCompact

from support.networks import random_image, randomized, tiny_srvgg

CPU = torch.device("cpu")


def upscaler(network=None, **options) -> Upscaler:
    return Upscaler(network or tiny_srvgg(), device=CPU, **options)


def small_rrdbnet(scale: int) -> nn.Module:
    return randomized(RRDBNet(num_feat=4, num_block=1, num_grow_ch=2, scale=scale))


class Faulty(nn.Module):
    """Nearest-neighbour x2 that goes wrong for some of its inputs."""

    scale, multiple_of, min_size, receptive_radius = 2, 1, 1, 0

    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def forward(self, x):
        return self.fault(nn.functional.interpolate(x, scale_factor=2))


@pytest.mark.parametrize("tile", [3, 16, 33, 64])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiled_equals_whole(tile, dtype):
    image = random_image(61, 37, dtype)
    whole = upscaler()(image).pixels
    tiled = upscaler(tile=tile)(image).pixels
    assert whole.dtype == dtype
    difference = np.abs(whole.astype(int) - tiled)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4 * (1 if dtype == np.uint8 else 100)


def test_a_seam_would_be_noticed():
    """The test above can fail: with less context than the radius, tiles do differ."""
    image = random_image(61, 37)
    network = tiny_srvgg()
    whole = upscaler(network)(image).pixels
    network.num_conv = 0  # declares a radius of 2 where it is 4
    tiled = upscaler(network, tile=16)(image).pixels
    assert (whole != tiled).mean() > 1e-3


@pytest.mark.parametrize("scale", [4, 2, 1])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 5), (33, 18)])
def test_any_size_works_with_pixel_unshuffle(scale, size):
    image = random_image(*size)
    enlarged = upscaler(small_rrdbnet(scale), tile=12)(image)
    assert enlarged.size == image.size.scaled(scale)


@pytest.mark.parametrize("scale", [4, 2])
def test_tiles_keep_the_phase_of_pixel_unshuffle(scale):
    image = random_image(70, 45)
    network = small_rrdbnet(scale)
    assert network.receptive_radius > 18
    whole = upscaler(network)(image).pixels
    tiled = upscaler(network, tile=33)(image).pixels
    # The context is cut at 32 px: close to the whole, and far off if the phase were lost.
    assert np.abs(whole.astype(int) - tiled).mean() < 1


def test_the_network_gets_rgb_in_the_unit_range():
    seen = []
    image = Image(np.full((2, 3, 3), (255, 0, 51), np.uint8))
    result = upscaler(Faulty(lambda sr: seen.append(sr) or sr))(image)
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([1, 0, 0.2])
    assert result.pixels[0, 0].tolist() == [255, 0, 51]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_values_outside_the_range_are_clamped_and_the_rest_rounded(dtype):
    peak = np.iinfo(dtype).max
    image = Image(np.zeros((1, 1, 3), dtype))
    for value, expected in [(-0.1, 0), (1.2, peak), (0.4999 / peak, 0), (0.5001 / peak, 1)]:
        sr = upscaler(Faulty(lambda sr, value=value: sr * 0 + value))(image)
        assert (sr.pixels == expected).all()


def test_16_bits_on_request_carry_what_8_bits_round_away():
    image = random_image(20, 20)
    fine = upscaler()(image, dtype=np.dtype(np.uint16)).pixels
    coarse = upscaler()(image).pixels
    assert fine.dtype == np.uint16
    assert np.abs(fine / 257 - coarse).max() <= 0.51
    assert len(np.unique(fine)) > 256


def test_grey_stays_neutral():
    image = random_image(20, 11, gray=True)
    enlarged = upscaler()(image)
    assert enlarged.is_gray
    assert (enlarged.pixels == enlarged.pixels[..., :1]).all()
    colour = upscaler()(Image(image.pixels)).pixels
    assert (enlarged.pixels[..., 0] == cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)).all()


def test_an_overflowing_tile_is_done_again_in_single_precision(caplog):
    def overflow(sr):
        bright = sr.amax() > 0.9
        return sr * torch.inf if sr.dtype == torch.bfloat16 and bright else sr

    pixels = np.full((8, 16, 3), 64, np.uint8)
    pixels[:, :8] = 255
    enlarged = upscaler(Faulty(overflow), tile=8, dtype=torch.bfloat16)(Image(pixels))
    assert (enlarged.pixels[:, :16] == 255).all()
    assert (enlarged.pixels[:, 16:] == 64).all()
    assert len(caplog.records) == 1


def test_out_of_memory_names_the_remedy():
    def explode(sr):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(OutOfMemoryError, match=r"smaller --tile \(now 8\)"):
        upscaler(Faulty(explode), tile=8)(random_image(20, 20))


def test_other_errors_are_not_hidden():
    def explode(sr):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        upscaler(Faulty(explode))(random_image(2, 2))


def test_tiles_are_counted():
    calls = []
    upscaler(tile=16)(random_image(40, 20), on_tile=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 6) for n in range(1, 7)]


def test_the_picture_is_not_changed():
    image = random_image(9, 9)
    before = image.pixels.copy()
    upscaler(SRVGGNetCompact(num_feat=4, num_conv=1).requires_grad_(False))(image)
    assert (image.pixels == before).all()
