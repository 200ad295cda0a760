import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from realesr.engine.precision import BF16, FP32, MIXED
from realesr.engine.pytorch.backend import TorchBackend, _ExactFloat32
from realesr.engine.tiled import TiledUpscaler
from realesr.errors import OutOfMemoryError, UnsupportedCheckpointError
from realesr.imaging.image import Image
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact

from support.networks import Faulty, random_image, randomized, tiny_srvgg


def upscaler(network=None, *, precision=FP32, is_compiled=False, **options) -> TiledUpscaler:
    backend = TorchBackend(network or tiny_srvgg(), precision=precision, is_compiled=is_compiled)
    return TiledUpscaler(backend, **options)


def small_rrdbnet(scale: int) -> nn.Module:
    return randomized(RRDBNet(num_feat=4, num_block=1, num_grow_ch=2, scale=scale))


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


@pytest.mark.parametrize("lag", [1, 2, 50])
def test_looking_at_a_tile_after_the_next_one_was_begun_changes_nothing(lag):
    image = random_image(61, 37)
    tiled = upscaler(tile=16)
    now = tiled(image).pixels
    counts = []
    tiled._backend._lag = lag
    late = tiled(image, on_tile=lambda *count: counts.append(count)).pixels
    assert (now == late).all()
    assert counts == [(number, 12) for number in range(1, 13)]


def test_a_seam_would_be_noticed():
    """The test above can fail: with less context than the radius, tiles do differ."""
    image = random_image(61, 37)
    network = tiny_srvgg()
    whole = upscaler(network)(image).pixels
    network.config = replace(network.config, num_conv=0)  # declares a radius of 2 where it is 4
    tiled = upscaler(network, tile=16)(image).pixels
    assert (whole != tiled).mean() > 1e-3


@pytest.mark.parametrize("scale", [4, 2, 1])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 5), (33, 18)])
def test_any_size_works_with_pixel_unshuffle(scale, size):
    image = random_image(*size)
    upscaled = upscaler(small_rrdbnet(scale), tile=12)(image)
    assert upscaled.size == image.size.scaled(scale)


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
    result = upscaler(Faulty(lambda sr: seen.append(sr.clone()) or sr))(image)
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


def test_gray_stays_neutral():
    image = random_image(20, 11, gray=True)
    upscaled = upscaler()(image)
    assert upscaled.is_gray
    assert (upscaled.pixels == upscaled.pixels[..., :1]).all()
    color = upscaler()(Image(image.pixels)).pixels
    assert (upscaled.pixels[..., 0] == cv2.cvtColor(color, cv2.COLOR_RGB2GRAY)).all()


def test_threads_that_run_out_of_memory_together_halve_the_tile_once():
    both = threading.Barrier(2)

    def cramp(sr):
        if sr.shape[-1] > 2 * 32:
            both.wait(10)
            raise torch.OutOfMemoryError("out of memory")
        return sr

    upscale = upscaler(Faulty(cramp), tile=48)
    images = [random_image(48, 48), random_image(48, 47)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(upscale, images))
    assert upscale.description.tile == 32
    assert [result.size for result in results] == [image.size.scaled(2) for image in images]


@pytest.mark.parametrize("lag", [0, 1])
def test_an_overflowing_tile_is_done_again_in_single_precision(lag):
    def overflow(sr):
        bright = sr.amax() > 0.9
        return sr * torch.inf if sr.dtype == torch.bfloat16 and bright else sr

    pixels = np.full((8, 16, 3), 64, np.uint8)
    pixels[:, :8] = 255
    notices = []
    upscale = upscaler(Faulty(overflow), tile=8, precision=BF16)
    upscale._backend._lag = lag  # as on a GPU, which gets a tile before the last one is looked at
    upscaled = upscale(Image(pixels), notify=notices.append)
    assert (upscaled.pixels[:, :16] == 255).all()
    assert (upscaled.pixels[:, 16:] == 64).all()
    assert [notice.code for notice in notices] == ["precision-raised"]


def test_a_network_that_always_overflows_is_an_error_not_a_image():
    with pytest.raises(UnsupportedCheckpointError, match="damaged"):
        upscaler(Faulty(lambda sr: sr * torch.nan))(random_image(3, 3))


class Cramped:
    """Runs out of memory on tiles of more than ``side`` px a side, as devices do."""

    def __init__(self, side, error):
        self.side, self.error, self.seen = side, error, []

    def __call__(self, sr):
        width = sr.shape[-1] // 2
        self.seen.append(width)
        if width > self.side:
            raise self.error
        return sr


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError("std::bad_alloc"),
    ],
)
@pytest.mark.parametrize("tile", [0, 200, 90])
def test_out_of_memory_halves_the_tile_and_begins_anew(error, tile):
    cramped = Cramped(60, error)
    image = random_image(150, 70)
    notices, counts = [], []
    upscale = upscaler(Faulty(cramped), tile=tile)
    upscaled = upscale(
        image, on_tile=lambda *count: counts.append(count), notify=notices.append
    ).pixels
    assert (upscaled[::2, ::2] == image.pixels).all()
    assert len(notices) == (2 if tile != 90 else 1)
    assert all(notice.code == "tile-halved" for notice in notices)
    assert "out of memory on cpu: starting again with `tile`" in str(notices[0])
    assert counts[-1][0] == counts[-1][1]
    cramped.seen.clear()
    upscale(image, notify=notices.append)
    assert max(cramped.seen) <= 60  # and it is not tried again with every image


def test_a_failure_in_a_late_tile_begins_the_image_anew():
    """Tiles of two sizes never meet in one image."""
    calls = []

    def fail_once(sr):
        calls.append(sr.shape[-1] // 2)
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sr

    image = random_image(160, 80)
    upscaled = upscaler(Faulty(fail_once), tile=80)(image).pixels
    assert (upscaled[::2, ::2] == image.pixels).all()


def test_the_smallest_tile_that_does_not_fit_is_an_error():
    cramped = Cramped(0, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(OutOfMemoryError, match="not even a tile of 32 px"):
        upscaler(Faulty(cramped), tile=0)(random_image(100, 100))
    assert cramped.seen == [100, 50, 25]  # tiles are of equal size: four of 25, not 32 and 4


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 2), (2000, 5)])
def test_thin_long_and_tiny_images(size):
    image = random_image(*size)
    whole = upscaler(tile=0)(image)
    assert whole.size == image.size.scaled(4)
    difference = np.abs(whole.pixels.astype(int) - upscaler()(image).pixels)
    assert difference.max() <= 1


def test_a_network_may_ask_for_a_smallest_size():
    sizes = []
    network = Faulty(lambda sr: sizes.append(tuple(sr.shape[-2:])) or sr, min_size=8)
    image = random_image(3, 20)
    upscaled = upscaler(network)(image)
    assert sizes == [(40, 16)]
    assert (upscaled.pixels[::2, ::2] == image.pixels).all()


@pytest.mark.parametrize("pre_pad", [1, 10, 50])
def test_mirrored_borders_are_cut_off_again(pre_pad):
    sizes = []
    image = random_image(20, 11)
    upscaled = upscaler(Faulty(lambda sr: sizes.append(sr.shape) or sr), pre_pad=pre_pad)(image)
    assert sizes[0][-2:] == (2 * (11 + pre_pad), 2 * (20 + pre_pad))
    assert (upscaled.pixels[::2, ::2] == image.pixels).all()


def test_the_context_of_tiles_can_be_chosen():
    widths = []
    upscale = upscaler(
        Faulty(lambda sr: widths.append(sr.shape[-1] // 2) or sr), tile=10, tile_pad=3
    )
    upscale(random_image(30, 10))
    assert widths == [10, 10, 10]  # it sees nothing but the pixel itself
    network = tiny_srvgg()
    image = random_image(61, 37)
    whole = upscaler(network)(image).pixels
    assert (upscaler(network, tile=16, tile_pad=1)(image).pixels != whole).any()
    exact = upscaler(network, tile=16, tile_pad=50)(image).pixels
    assert np.abs(exact.astype(int) - whole).max() <= 1


def test_alpha_is_upscaled_beside_the_colors():
    image = random_image(20, 11, alpha=True)
    counts = []
    upscaled = upscaler(Faulty(lambda sr: sr), tile=10)(
        image, on_tile=lambda *count: counts.append(count)
    )
    assert (upscaled.alpha[::2, ::2] == image.alpha).all()
    assert counts == [(n, 8) for n in range(1, 9)]


def test_alpha_can_do_without_the_network():
    calls = []
    network = Faulty(lambda sr: calls.append(1) or sr)
    image = random_image(20, 11, alpha=True)
    upscaled = upscaler(network, tile=0, alpha_upsampler="bicubic")(image)
    assert len(calls) == 1
    assert upscaled.alpha.shape == (22, 40)
    smooth = cv2.resize(upscaled.alpha, (20, 11), interpolation=cv2.INTER_AREA)
    assert np.abs(smooth.astype(int) - image.alpha).mean() < 30


@pytest.mark.parametrize("level", [0, 77, 255])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_an_even_alpha_stays_exactly_what_it_is(level, depth):
    pixels = random_image(9, 9).pixels
    image = Image(pixels, alpha=np.full((9, 9), level, np.uint8))
    alpha = upscaler()(image, dtype=np.dtype(depth)).alpha
    assert (alpha == level * (257 if depth == np.uint16 else 1)).all()


def test_opaque_and_invisible_regions_stay_so():
    """The network adds 5 levels everywhere, as trained ones do a little."""
    alpha = np.zeros((30, 30), np.uint8)
    alpha[:, 15:] = 255
    image = Image(random_image(30, 30).pixels, alpha=alpha)
    for shift in (-0.02, 0.02):
        upscaled = upscaler(Faulty(lambda sr, shift=shift: sr + shift))(image).alpha
        assert (upscaled[:, :24] == 0).all()
        assert (upscaled[:, 36:] == 255).all()


def test_other_errors_are_not_hidden():
    def explode(sr):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        upscaler(Faulty(explode))(random_image(2, 2))


def test_tiles_are_counted():
    calls = []
    upscaler(tile=16)(random_image(40, 20), on_tile=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 6) for n in range(1, 7)]


def test_the_image_is_not_changed():
    image = random_image(9, 9)
    before = image.pixels.copy()
    upscaler(SRVGGNetCompact(num_feat=4, num_conv=1).requires_grad_(False))(image)
    assert (image.pixels == before).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # PyTorch's own
def test_a_compiled_network_gives_the_same():
    image = random_image(24, 17)
    difference = upscaler()(image).pixels.astype(int) - upscaler(is_compiled=True)(image).pixels
    assert abs(difference).max() <= 1


@pytest.mark.parametrize("batch", [2, 4, 100])
@pytest.mark.parametrize("network", [tiny_srvgg, lambda: small_rrdbnet(2)])
def test_tiles_of_one_size_go_through_the_network_together(batch, network):
    image, other = random_image(95, 61), Image(random_image(61, 95).pixels.transpose(1, 0, 2))
    upscale = upscaler(network(), tile=16)
    expected = upscale.upscale([image, other])
    batches, counts = [], []
    run = upscale._backend._network
    upscale._backend._network = lambda x: batches.append(len(x)) or run(x)
    upscale._backend.batch_size = batch
    together = upscale.upscale([image, other], on_tile=lambda *count: counts.append(count))
    assert min(batch, 4) <= max(batches) <= batch  # two of a row have one size, at least
    assert sum(batches) == 2 * 6 * 4
    assert counts == [(number, 24) for number in range(1, 25)]
    for ours, theirs in zip(together, expected, strict=True):
        assert np.abs(ours.pixels.astype(int) - theirs.pixels).max() <= 1


def test_exact_float32_lasts_until_the_last_thread_is_done():
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32
    exact = _ExactFloat32()
    with exact:
        with exact:
            assert not cudnn.allow_tf32
        assert not cudnn.allow_tf32
    assert cudnn.allow_tf32 == before


def test_tiles_of_a_chosen_size_go_through_alone():
    image = random_image(95, 61)
    batches = []
    backend = TorchBackend(tiny_srvgg(), batch_tiles=False)
    backend.batch_size = 4
    run = backend._network
    backend._network = lambda x: batches.append(len(x)) or run(x)
    TiledUpscaler(backend, tile=16)(image)
    assert set(batches) == {1}


def test_a_network_without_a_bulk_is_not_mixed():
    """Nobody knows what of another project's network may be rounded."""
    backend = TorchBackend(Faulty(lambda sr: sr), precision=MIXED)
    assert backend.precision == FP32
    assert backend._network is backend._exact
    assert TorchBackend(tiny_srvgg(), precision=MIXED).precision == MIXED


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [{}, {"gray": True}, {"alpha": True}])
def test_consistency_is_the_same_tiled_or_whole(dtype, kind):
    image = random_image(61, 37, dtype, **kind)
    network = Faulty(lambda sr: sr * 0.9)
    whole = upscaler(network, tile=0, consistency=1.0)(image)
    tiled = upscaler(network, tile=16, consistency=1.0)(image)
    assert (whole.pixels == tiled.pixels).all()
    assert whole.pixels.dtype == dtype
    if image.is_gray:
        assert (whole.pixels == whole.pixels[..., :1]).all()


def test_consistency_undoes_what_a_network_does_to_a_clean_input():
    pixels = np.full((40, 50, 3), 60, np.uint8)
    cv2.circle(pixels, (20, 20), 12, (220, 180, 90), -1)
    network = Faulty(lambda sr: nn.functional.avg_pool2d(sr, 5, 1, 2, count_include_pad=False))
    notices = []
    plain = upscaler(network)(Image(pixels)).pixels
    result = upscaler(network, consistency=1.0)(Image(pixels), notify=notices.append).pixels
    errors = [
        np.abs(cv2.resize(each, (50, 40), interpolation=cv2.INTER_AREA).astype(int) - pixels).mean()
        for each in (plain, result)
    ]
    assert errors[1] < 0.5 * errors[0]
    assert not notices


def test_an_input_that_is_too_noisy_for_consistency_is_told():
    noise = np.random.default_rng(0).normal(128, 10, (40, 50, 3))
    image = Image(np.clip(np.rint(noise), 0, 255).astype(np.uint8))
    network = Faulty(lambda sr: sr * 0 + 0.5)  # removes all of it
    notices = []
    result = upscaler(network, consistency=1.0)(image, notify=notices.append).pixels
    assert (result == 128).all()
    assert [notice.code for notice in notices] == ["input-noisy"]
    assert "`consistency`, which does nothing" in str(notices[0])
