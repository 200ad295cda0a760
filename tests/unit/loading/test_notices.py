from pathlib import Path

import pytest

from realesr.loading.notices import (
    idle_of_encoding,
    idle_of_filter,
    idle_of_mixture,
    idle_of_tiles,
)
from realesr.media.formats import IMAGES
from realesr.options import EncodingOptions, UpscaleOptions


def said(notices):
    found = [*notices]
    assert all(notice.code == "option-without-effect" for notice in found)
    return [str(notice) for notice in found]


def test_a_filter_has_no_options_of_networks():
    options = UpscaleOptions(model_name="bicubic", strength=0.5, threads=2)
    words = "do nothing for bicubic, which has no network"
    assert said(idle_of_filter(options)) == [f"`threads` and `strength` {words}"]
    known = UpscaleOptions(threads=2)
    assert said(idle_of_filter(options, known)) == [
        "`strength` does nothing for bicubic, which has no network"
    ]
    assert not said(idle_of_filter(UpscaleOptions(strength=0.5)))


@pytest.mark.parametrize(
    ("model", "options", "idle"),
    [
        ("realesr-photo-x4", {"denoise_strength": 0.5}, ["denoise_strength"]),
        ("realesr-photo-x4", {"sharpness": 0.5}, []),
        ("realesr-general-x4v3", {"denoise_strength": 0.5}, []),
        ("RealESRGAN_x4plus", {"denoise_strength": 1, "sharpness": 0.5},
         ["denoise_strength", "sharpness"]),
        ("bicubic", {"denoise_strength": 0.5}, []),
    ],
)  # fmt: skip
def test_a_mixture_needs_a_partner(model, options, idle):
    found = said(idle_of_mixture(UpscaleOptions(model_name=model, **options)))
    assert found == [f"`{each}` does nothing for {model}, which has no partner" for each in idle]


def test_tiles_of_a_set_size_need_no_memory():
    assert len(said(idle_of_tiles(UpscaleOptions(tile=64, memory_budget=2**30)))) == 1
    assert len(said(idle_of_tiles(UpscaleOptions(tile=0, tile_pad=3)))) == 1
    assert not said(idle_of_tiles(UpscaleOptions(tile=64, tile_pad=3)))


def test_quality_is_for_formats_that_lose_some():
    png, jpg = (IMAGES.format_of(Path(f"a{each}")) for each in (".png", ".jpg"))
    encoding = EncodingOptions(quality=50)
    assert said(idle_of_encoding(encoding, [png, png])) == [
        "`quality` does nothing for PNG, which loses nothing"
    ]
    assert not said(idle_of_encoding(encoding, [png, jpg]))
    assert not said(idle_of_encoding(EncodingOptions(), [png]))
