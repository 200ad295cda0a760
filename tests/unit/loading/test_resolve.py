from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from realesr.engine.native.bindings import lanes
from realesr.errors import InvalidOptionError
from realesr.loading.build import _read_parameters, make_upscaler
from realesr.loading.identity import identity_of
from realesr.loading.resolve import NetworkFiles, ensure_files
from realesr.models.loader import load_model
from realesr.options import UpscaleOptions

from support.networks import random_image
from support.paths import ROOT

CRISP = ROOT / "weights" / "realesr-photo-x4.safetensors"
FAITHFUL = ROOT / "weights" / "realesr-photo-x4-faithful.safetensors"


@pytest.fixture(autouse=True)
def no_other_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files_of(**options) -> NetworkFiles:
    files = ensure_files(UpscaleOptions(**options))
    assert files is not None
    return files


@pytest.mark.parametrize(
    ("options", "crisp"),
    [
        ({}, CRISP),
        ({"model_path": CRISP}, CRISP),
        ({"model_name": "realesr-anime-x4"}, ROOT / "weights" / "realesr-anime-x4.safetensors"),
    ],
    ids=["by default", "by path", "by name"],
)
def test_sharpness_goes_from_the_faithful_file_to_the_crisp_one(options, crisp):
    faithful = crisp.with_name(f"{crisp.stem}-faithful.safetensors")
    assert files_of(**options) == NetworkFiles(crisp)
    assert files_of(**options, sharpness=1.0) == NetworkFiles(crisp)
    assert files_of(**options, sharpness=0.3) == NetworkFiles(crisp, faithful, 0.3)
    assert files_of(**options, sharpness=0.0) == NetworkFiles(faithful)


def test_both_engines_get_the_same_mixture():
    files = files_of(sharpness=0.25)
    arrays = _read_parameters(files).arrays
    crisp, faithful = load_file(CRISP), load_file(FAITHFUL)
    network = load_model(files.path, other=files.other, weight=files.weight).state_dict()
    for name, values in arrays.items():
        expected = 0.25 * crisp[name].astype(float) + 0.75 * faithful[name].astype(float)
        assert np.abs(values - expected).max() < 1e-6
        assert np.abs(network[name].numpy() - expected).max() < 1e-6


@pytest.mark.skipif(not lanes(), reason="no C++ compiler for x86-64 when installed")
def test_every_sharpness_has_its_own_result():
    image = random_image(12, 9)
    results = [
        make_upscaler(options, ensure_files(options)).upscale_to([image], image.size.scaled(4))[0]
        for options in (UpscaleOptions(sharpness=share, threads=1) for share in (0, 0.5, 1))
    ]
    ends = np.abs(results[0].pixels.astype(int) - results[2].pixels).mean()
    for end in (results[0], results[2]):
        assert 0 < np.abs(results[1].pixels.astype(int) - end.pixels).mean() < ends


def test_results_of_another_sharpness_are_not_gone_on_with():
    identities = [
        identity_of(options, ensure_files(options), None, version="1")
        for options in (UpscaleOptions(sharpness=share) for share in (0, 0.5, 1))
    ]
    assert identities[0]["weights"] != identities[2]["weights"]
    assert identities[1]["weights"] != identities[2]["weights"]
    assert identities[1]["weights"]["share"] == 0.5


def test_sharpness_of_a_model_with_one_end_is_told():
    notices = []
    options = UpscaleOptions(model_name="realesr-anime-x4-faithful", sharpness=0.5)
    files = ensure_files(options, notify=notices.append)
    assert files is not None
    assert files.other is None
    assert [notice.code for notice in notices] == ["option-without-effect"]
    assert "`sharpness` does nothing for realesr-anime-x4-faithful" in str(notices[0])


def test_sharpness_of_a_file_needs_its_faithful_end(tmp_path):
    (tmp_path / "my.pth").touch()
    with pytest.raises(InvalidOptionError, match=r"my-faithful\.pth in the same folder"):
        files_of(model_path=Path("my.pth"), sharpness=0.5)
    (tmp_path / "my-faithful.pth").touch()
    assert files_of(model_path=Path("my.pth"), sharpness=0.5).other == Path("my-faithful.pth")
    with pytest.raises(InvalidOptionError, match="both mix"):
        files_of(model_path=Path("my.pth"), sharpness=0.5, denoise_strength=0.5)
