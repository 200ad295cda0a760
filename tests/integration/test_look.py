"""The look of results of the bundled network: colors of the input, and what keeping them costs."""

import io
import time

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.engine.native.bindings import lanes
from realesr.imaging.color_lock import TO_YCC, lock_color
from realesr.imaging.image import Image
from realesr.imaging.matlab import imresize
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.metrics.colorshift import color_shift
from realesr.options import UpscaleOptions

from support.paths import ROOT


def network_of(**options):
    chosen = UpscaleOptions(color_lock=False, **options)
    return make_upscaler(chosen, ensure_files(chosen))


def upscaled(network, lr):
    image = Image(lr)
    return network.upscale_to([image], image.size.scaled(4))[0].pixels


def as_jpeg(pixels, quality):
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(PillowImage.open(file).convert("RGB"))


def chroma_blockiness(pixels, block=64):
    """Steps of color at the borders of JPEG's color blocks, upscaled, against those elsewhere."""
    chroma = cv2.transform(pixels.astype(np.float32), TO_YCC)[..., 1:]
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(chroma, axis=axis)).mean(axis=(1 - axis, 2))
        is_border = (np.arange(len(steps)) + 1) % block == 0
        ratios.append(steps[is_border].mean() / steps[~is_border].mean())
    return np.mean(ratios)


@pytest.mark.parametrize("quality", [20, 35, 50])
def test_colors_follow_a_jpeg_without_its_blocks(quality):
    cat = np.asarray(PillowImage.open(ROOT / "inputs/cat.jpg").convert("RGB"))
    lr = as_jpeg(np.ascontiguousarray(cat[:128, 48:176]), quality)
    own = upscaled(network_of(), lr)
    locked, narrow = own.copy(), own.copy()
    lock_color(locked, lr)
    lock_color(narrow, lr, chroma_sigma=1.0)
    plain = imresize(lr, 512, 512)
    assert color_shift(locked, plain) <= 0.3
    assert chroma_blockiness(locked) <= 1.01 * chroma_blockiness(own)
    assert chroma_blockiness(narrow) > 1.01 * chroma_blockiness(own)  # the test can fail


@pytest.mark.slow
@pytest.mark.skipif(not lanes(), reason="no C++ compiler for x86-64 when installed")
def test_the_color_lock_takes_at_most_three_percent_of_a_picture():
    lr = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    network = network_of(threads=1)
    before = time.process_time()
    result = upscaled(network, lr)
    whole = time.process_time() - before
    times = []
    for _ in range(3):
        before = time.process_time()
        lock_color(result, lr)
        times.append(time.process_time() - before)
    assert min(times) < 0.03 * whole
