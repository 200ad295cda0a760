import pytest

from realesr.errors import InvalidOptionError
from realesr.geometry import Size
from realesr.options import EncodingOptions, FileOptions, Target, UpscaleOptions


@pytest.mark.parametrize("outscale", [0, -1, 65, float("nan"), float("inf")])
def test_impossible_scales(outscale):
    with pytest.raises(InvalidOptionError, match="`outscale`"):
        Target(outscale=outscale)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(), Size(120, 80)),
        (Target(outscale=1.5), Size(45, 30)),
        (Target(width=60), Size(60, 40)),
        (Target(height=60), Size(90, 60)),
        (Target(width=50, height=60), Size(50, 60)),
        (Target(fit=Size(100, 50)), Size(75, 50)),
    ],
)
def test_targets(target, expected):
    assert target.size_of(Size(30, 20), 4) == expected


@pytest.mark.parametrize(
    "ways", [{"outscale": 2, "width": 5}, {"fit": Size(3, 3), "height": 5}, {"width": 0}]
)
def test_impossible_targets(ways):
    with pytest.raises(InvalidOptionError):
        Target(**ways)


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_impossible_strengths(strength):
    with pytest.raises(InvalidOptionError, match="`denoise_strength`"):
        UpscaleOptions(denoise_strength=strength)
    with pytest.raises(InvalidOptionError, match="`sharpness`"):
        UpscaleOptions(sharpness=strength)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cpu:1 ", ""])
def test_unknown_devices(device):
    with pytest.raises(InvalidOptionError, match="`device`"):
        UpscaleOptions(device=device)


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:3"])
def test_known_devices(device):
    assert UpscaleOptions(device=device).device == device


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"precision": "fp8"}, "`precision` fp8"),
        ({"alpha_upsampler": "magic"}, "`alpha_upsampler` magic"),
    ],
)
def test_unknown_choices(options, named):
    with pytest.raises(InvalidOptionError, match=named):
        UpscaleOptions(**options)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_impossible_qualities(quality):
    with pytest.raises(InvalidOptionError, match="`quality`"):
        EncodingOptions(quality=quality)


def test_lossless_and_a_quality_contradict_each_other():
    with pytest.raises(InvalidOptionError, match="`lossless`"):
        EncodingOptions(quality=90, lossless=True)


def test_a_limit_is_positive(tmp_path):
    with pytest.raises(InvalidOptionError, match="`max_pixels`"):
        FileOptions(inputs=(tmp_path,), output=tmp_path, max_pixels=0)


@pytest.mark.parametrize("option", ["memory_budget", "threads"])
def test_nothing_is_no_budget(option):
    with pytest.raises(InvalidOptionError, match=option):
        UpscaleOptions(**{option: 0})


def test_negative_tiles():
    with pytest.raises(InvalidOptionError, match="`tile`"):
        UpscaleOptions(tile=-1)


@pytest.mark.parametrize("suffix", ["a/b", "..\\x", "\0"])
def test_suffixes_stay_in_the_output_folder(tmp_path, suffix):
    with pytest.raises(InvalidOptionError, match="`suffix`"):
        FileOptions(inputs=(tmp_path,), output=tmp_path, suffix=suffix)


@pytest.mark.parametrize(("name", "value"), [("denoise", -1), ("denoise", 51), ("deblock", 1.1)])
def test_impossible_cleaning(name, value):
    with pytest.raises(InvalidOptionError, match=f"`{name}`"):
        UpscaleOptions(**{name: value})
