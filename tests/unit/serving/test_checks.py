from dataclasses import replace
from fractions import Fraction

import pytest
from PIL import Image as PillowImage

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from realesr.errors import InvalidOptionError, TooLargeMediaError
from realesr.options import Target, UpscaleOptions
from realesr.serving.checks import check_video
from realesr.serving.engine import Engine
from realesr.serving.metrics import Metrics

from support.clips import make_clip

BICUBIC = UpscaleOptions(model_name="bicubic")
CLIP = "testsrc2=size=32x24:rate=24:duration=4"
KINDS = {
    "clip.mp4": (),
    "fragments.mp4": ("-movflags", "frag_keyframe+empty_moov", "-g", "5"),
    "clip.mkv": ("-g", "200"),
    "live.mkv": ("-live", "1"),
    "clip.ts": (),
    "clip.avi": ("-c:v", "mpeg4", "-bf", "2"),
}


def check(path, *, start=0, most=200_000_000, options=BICUBIC):
    engine = Engine(BICUBIC, ("bicubic",), Metrics("0"), max_result_pixels=most)
    check_video(engine, path, options, ext="mkv", start=Fraction(start), max_pixels=1000)


@pytest.mark.parametrize("name", KINDS)
def test_an_excerpt_begins_before_the_last_frame(tmp_path, name):
    path = make_clip(tmp_path / name, *KINDS[name], image=CLIP)
    for start in (0, 1, "3.9"):
        check(path, start=start)
    if name != "clip.avi":  # which tells no times
        for start in (4, 1000, 1_000_000):
            with pytest.raises(InvalidOptionError, match=f"`start` {start}: no frame comes"):
                check(path, start=start)


def test_a_result_that_is_too_large_is_refused(tmp_path):
    path = make_clip(tmp_path / "clip.mp4", image=CLIP)
    check(path, most=128 * 96)
    with pytest.raises(TooLargeMediaError, match="128x96 px, more than 12287 in all"):
        check(path, most=128 * 96 - 1)
    wide = replace(BICUBIC, target=Target(width=64))
    check(path, most=64 * 48, options=wide)
    two = replace(BICUBIC, model_name="RealESRGAN_x2plus")
    check(path, most=64 * 48, options=two)
    with pytest.raises(TooLargeMediaError, match="64x48"):
        check(path, most=64 * 48 - 1, options=two)


def test_a_cover_is_not_upscaled(tmp_path):
    PillowImage.new("RGB", (40, 25)).save(tmp_path / "cover.png")
    plain = make_clip(tmp_path / "plain.mp4", image=CLIP)
    path = make_clip(
        tmp_path / "cover.mp4", "-i", str(plain), "-i", str(tmp_path / "cover.png"),
        "-map", "1", "-map", "2", "-c", "copy", "-disposition:v:1", "attached_pic", image=CLIP,
    )  # fmt: skip
    check(path, most=128 * 96)
    with pytest.raises(InvalidOptionError, match="no frame comes"):
        check(path, start=5)


def test_what_cannot_be_read_is_left_to_the_job(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", image=CLIP)
    clip.write_bytes(clip.read_bytes()[:500])
    check(clip, start=9, most=1)


def test_an_animation_that_is_turned_is_measured_as_it_is_shown(tmp_path):
    images = [PillowImage.new("RGB", (10, 20), (level, 0, 0)) for level in (0, 99)]
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.webp"
    images[0].save(path, save_all=True, append_images=images[1:], duration=100, exif=exif)
    check(path, most=40 * 20, options=replace(BICUBIC, target=Target(width=40)))
    check(path, start="0.1")
    with pytest.raises(InvalidOptionError, match="no frame comes"):
        check(path, start="0.15")
