"""Measurements on synthetic images of known noise, blur, quality and size."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.tuning.blocks import blockiness, quality_of_table
from realesr.tuning.fields import comb_share
from realesr.tuning.flatness import flat_share
from realesr.tuning.measure import measure_clip, measure_image, measure_traits
from realesr.tuning.native_size import native_scale
from realesr.tuning.noise import noise_deviation
from realesr.tuning.sharpness import blur_deviation

from support.animations import drawn_frames, save_animation
from support.clips import make_clip


def shapes(side=256, count=150, seed=0):
    """Hard-edged ellipses over one another, (side, side) float64: a sharp drawing."""
    rng = np.random.default_rng(seed)
    canvas = np.full((side, side), 128, np.uint8)
    for _ in range(count):
        center = tuple(int(v) for v in rng.integers(0, side, 2))
        axes = tuple(int(v) for v in rng.integers(3, side // 8, 2))
        cv2.ellipse(canvas, center, axes, int(rng.integers(180)), 0, 360,
                    int(rng.integers(20, 236)), -1)  # fmt: skip
    return canvas.astype(np.float64)


def dead_leaves(side=256, seed=0):
    """Shapes at twice the size, averaged down, with texture: as sharp as its pixels."""
    large = shapes(2 * side, 500, seed)
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.normal(0, 20, large.shape), (0, 0), 1)
    return cv2.resize(large + texture, (side, side), interpolation=cv2.INTER_AREA)


def noisy(luma, deviation, seed=1):
    noise = np.random.default_rng(seed).normal(0, deviation, luma.shape)
    return np.clip(np.rint(luma + noise), 0, 255)


def jpeg(luma, quality):
    file = io.BytesIO()
    PillowImage.fromarray(np.clip(luma, 0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=quality
    )
    return np.asarray(PillowImage.open(file), np.float64)


def upscaled(luma, factor, method):
    """Reduced and upscaled again, to the same size."""
    image = PillowImage.fromarray(luma.astype(np.float32))
    small = image.resize(tuple(round(side / factor) for side in image.size), 3)
    return np.asarray(small.resize(image.size, method), np.float64)


@pytest.mark.parametrize("deviation", [3, 6, 12, 25])
def test_noise_is_measured(deviation):
    assert noise_deviation(noisy(shapes(), deviation)) == pytest.approx(deviation, rel=0.15)


def test_a_clean_image_has_no_noise():
    assert noise_deviation(shapes()) < 0.5
    assert noise_deviation(np.full((20, 20), 50.0)) == 0


@pytest.mark.parametrize("deviation", [1.0, 1.5, 2.0, 3.0])
def test_blur_is_measured(deviation):
    blurred = cv2.GaussianBlur(shapes(count=60), (0, 0), deviation)
    assert blur_deviation(blurred) == pytest.approx(deviation, rel=0.15)


def test_sharp_edges_have_little_blur_and_even_images_none():
    assert blur_deviation(shapes()) < 0.7
    assert blur_deviation(np.full((64, 64), 90.0)) is None


@pytest.mark.parametrize("quality", [5, 30, 50, 75, 92, 100])
def test_the_quality_of_a_jpeg_is_read_off_its_table(quality):
    file = io.BytesIO()
    PillowImage.new("RGB", (16, 16)).save(file, "JPEG", quality=quality)
    table = list(PillowImage.open(io.BytesIO(file.getvalue())).quantization[0])
    assert quality_of_table(table) == quality
    assert quality_of_table(table[::-1]) == quality


def test_a_table_has_64_steps():
    with pytest.raises(ValueError, match="64"):
        quality_of_table([1, 2])


@pytest.mark.parametrize("offset", [(0, 0), (3, 5), (7, 1)])
def test_blocks_and_their_grid_are_found(offset):
    x, y = offset
    ratio, place = blockiness(jpeg(dead_leaves(), 20)[y:, x:])
    assert ratio > 1.5
    assert place == (-x % 8, -y % 8)


def test_without_jpeg_there_are_no_blocks_and_worse_jpeg_has_more():
    luma = dead_leaves()
    ratios = [blockiness(luma)[0], *(blockiness(jpeg(luma, q))[0] for q in (90, 40, 10))]
    assert ratios[0] < 1.25
    assert ratios[1] < 1.4
    assert ratios[1] < ratios[2] < ratios[3]


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("method", [1, 2, 3], ids=["lanczos", "bilinear", "bicubic"])
def test_an_upscaled_image_has_its_native_size(factor, method):
    found = native_scale(upscaled(dead_leaves(252), factor, method))
    assert found == pytest.approx(factor, rel=0.34)


def test_a_sharp_image_fills_its_size_noise_or_not():
    luma = dead_leaves()
    assert native_scale(luma) < 1.5
    assert native_scale(noisy(luma, 8), 8.0) < 1.5
    assert native_scale(np.full((100, 100), 7.0)) == 1
    assert native_scale(luma[:20, :20]) == 1


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_repeated_pixels_are_found(factor):
    luma = shapes(80).repeat(factor, 0).repeat(factor, 1)
    assert native_scale(luma) == factor
    assert native_scale(luma[1:, 1:]) == factor


def woven(shift):
    """Two fields, the second of which has moved by some px."""
    first = shapes(count=60)
    frame = first.copy()
    frame[1::2] = np.roll(first, shift, axis=1)[1::2]
    return frame


def test_the_comb_of_two_fields_is_found():
    assert comb_share(woven(6)) > 0.03
    assert abs(comb_share(woven(0))) < 0.005
    texture = np.random.default_rng(0).normal(128, 40, (200, 200))
    assert abs(comb_share(texture)) < 0.01


def test_drawings_are_flat_and_photographs_are_not():
    assert flat_share(shapes()) > 0.9
    assert flat_share(jpeg(shapes(), 75)) > 0.5
    assert flat_share(noisy(dead_leaves(), 3)) < 0.2


def as_image(luma):
    return Image(np.repeat(np.rint(luma).astype(np.uint8)[..., None], 3, axis=2))


def test_traits_are_those_of_the_parts():
    traits = measure_traits([as_image(noisy(shapes(), 10))], woven=[as_image(woven(6))])
    assert traits.noise == pytest.approx(10, rel=0.15)
    assert traits.comb > 0.02
    tiny = as_image(np.full((5, 5), 9.0))
    assert measure_traits([tiny], woven=[tiny]).blur is None


def test_what_is_invisible_is_not_even():
    luma = noisy(dead_leaves(), 3)
    luma[:128] = 0
    image = as_image(luma)
    alpha = np.full(luma.shape, 255, np.uint8)
    alpha[:128] = 0
    hidden = Image(image.pixels, alpha=alpha)
    assert measure_traits([image], woven=[image]).flat_share > 0.5
    assert measure_traits([hidden], woven=[hidden]).flat_share < 0.2


def test_a_jpeg_file_is_measured(tmp_path):
    path = tmp_path / "a.png"  # the content counts, not the suffix
    PillowImage.fromarray(shapes().astype(np.uint8)).save(path, "JPEG", quality=35)
    measured, image = measure_image(path)
    assert measured.jpeg_quality == 35
    assert measured.size == image.size == Size(256, 256)
    assert not measured.is_clip


def test_clips_are_measured(tmp_path):
    moving = "testsrc2=size=160x120:rate=50:duration=2"
    clip = make_clip(
        tmp_path / "fields.mkv", "-vf", "interlace", "-c:v", "libx264", "-crf", "5",
        "-flags", "+ilme+ildct", image=moving,
    )  # fmt: skip
    measured, _ = measure_clip(clip)
    assert measured.is_clip
    assert measured.fps == 25
    assert measured.says_interlaced
    assert measured.traits.comb > 0.01
    plain, frame = measure_clip(make_clip(tmp_path / "plain.mkv"))
    assert not plain.says_interlaced
    assert plain.frames == 24
    assert frame.size == Size(64, 48)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_all_frames_of_an_animation_count(tmp_path, name):
    measured, _ = measure_image(save_animation(tmp_path / name))
    assert (measured.frames, measured.is_clip) == (5, False)
    drawn_frames(1)[0].save(tmp_path / f"still-{name}")
    measured, _ = measure_image(tmp_path / f"still-{name}")
    assert measured.frames == 1
