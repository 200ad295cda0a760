import hashlib

import pytest

from realesr.errors import MissingWeightsError, UnknownModelError
from realesr.models.loader import load_model
from realesr.weights.catalog import MODELS, RELEASES, find_model, find_weights

from support.paths import ROOT

SHIPPED = [spec for spec in MODELS if spec.weights.url is None]


@pytest.mark.parametrize("spec", SHIPPED, ids=lambda spec: spec.name)
def test_shipped_weights_are_those_of_the_catalog(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = find_weights(spec)
    assert path == ROOT / "weights" / spec.weights.name
    data = path.read_bytes()
    assert len(data) == spec.weights.size_bytes
    assert hashlib.sha256(data).hexdigest() == spec.weights.sha256
    assert load_model(path).scale == spec.scale


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_every_entry_is_complete(spec):
    assert len(spec.weights.sha256) == 64
    assert set(spec.weights.sha256) <= set("0123456789abcdef")
    assert spec.license
    assert spec.domain
    if spec.weights.url:
        assert spec.weights.url.startswith(f"{RELEASES}/v")
        assert spec.weights.url.endswith(f"/{spec.weights.name}")
    if spec.faithful_model:
        assert find_model(spec.faithful_model).architecture == spec.architecture
    if spec.weak_denoise_model:
        assert find_model(spec.weak_denoise_model).architecture == spec.architecture


def test_names_are_unique():
    assert len({spec.name for spec in MODELS}) == len(MODELS)
    assert len({spec.weights.sha256 for spec in MODELS}) == len(MODELS)


def test_weights_of_the_working_folder_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = MODELS[0]
    own = tmp_path / "weights" / spec.weights.name
    own.parent.mkdir()
    own.write_bytes(b"own")
    assert find_weights(spec).resolve() == own


def test_unknown_names_list_the_known_ones():
    with pytest.raises(UnknownModelError, match=r"no-such.*realesr-photo-x4"):
        find_model("no-such")


def test_missing_weights_say_where_to_put_them(monkeypatch, tmp_path):
    monkeypatch.setattr("realesr.weights.catalog.weight_folders", lambda: (tmp_path / "weights",))
    with pytest.raises(MissingWeightsError, match=str(tmp_path / "weights")):
        find_weights(MODELS[0])


@pytest.mark.parametrize("name", ["realesr-photo-x4.pth", "realesr-photo-x4.safetensors"])
def test_a_suffix_of_weights_is_ignored(name):
    assert find_model(name).name == "realesr-photo-x4"


@pytest.mark.parametrize("name", ["realesr-photo-x4.", "realesr-photo-x4.old", "a.b.pth"])
def test_another_suffix_is_not(name):
    with pytest.raises(UnknownModelError, match="no model is called"):
        find_model(name)


def test_a_plain_filter_is_not_proposed_for_itself():
    with pytest.raises(UnknownModelError, match="bicubic is a plain filter: it has no weights"):
        find_model("bicubic")
