import pytest

from realesr.errors import InvalidOptionError
from realesr.options import OutputOptions, UpscaleOptions


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


def test_negative_tiles():
    with pytest.raises(InvalidOptionError, match="--tile"):
        UpscaleOptions(tile=-1)


@pytest.mark.parametrize("suffix", ["a/b", "..\\x", "\0"])
def test_suffixes_stay_in_the_output_folder(tmp_path, suffix):
    with pytest.raises(InvalidOptionError, match="--suffix"):
        OutputOptions(input=tmp_path, output=tmp_path, suffix=suffix)
