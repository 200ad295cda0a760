import pytest

from realesr.errors import InvalidOptionError
from realesr.options import EncodingOptions, FileOptions, UpscaleOptions


@pytest.mark.parametrize("outscale", [0, -1, 65, float("nan"), float("inf")])
def test_impossible_scales(outscale):
    with pytest.raises(InvalidOptionError, match="--outscale"):
        UpscaleOptions(outscale=outscale)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cpu:1 ", ""])
def test_unknown_devices(device):
    with pytest.raises(InvalidOptionError, match="--device"):
        UpscaleOptions(device=device)


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:3"])
def test_known_devices(device):
    assert UpscaleOptions(device=device).device == device


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"precision": "fp8"}, "--precision fp8"),
        ({"alpha_upsampler": "magic"}, "--alpha-upsampler magic"),
    ],
)
def test_unknown_choices(options, named):
    with pytest.raises(InvalidOptionError, match=named):
        UpscaleOptions(**options)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_impossible_qualities(quality):
    with pytest.raises(InvalidOptionError, match="--quality"):
        EncodingOptions(quality=quality)


def test_lossless_and_a_quality_contradict_each_other():
    with pytest.raises(InvalidOptionError, match="--lossless"):
        EncodingOptions(quality=90, lossless=True)


def test_a_limit_is_positive(tmp_path):
    with pytest.raises(InvalidOptionError, match="--max-pixels"):
        FileOptions(input=tmp_path, output=tmp_path, max_pixels=0)


def test_negative_tiles():
    with pytest.raises(InvalidOptionError, match="--tile"):
        UpscaleOptions(tile=-1)


@pytest.mark.parametrize("suffix", ["a/b", "..\\x", "\0"])
def test_suffixes_stay_in_the_output_folder(tmp_path, suffix):
    with pytest.raises(InvalidOptionError, match="--suffix"):
        FileOptions(input=tmp_path, output=tmp_path, suffix=suffix)
