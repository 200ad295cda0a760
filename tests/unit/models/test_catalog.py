import hashlib

import pytest

from realesr.errors import MissingWeightsError, UnknownModelError
from realesr.models.catalog import MODELS, find_model, find_weights
from realesr.models.loader import load_model

from support.paths import ROOT


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_shipped_weights_are_those_of_the_catalogue(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = find_weights(spec)
    assert path == ROOT / "weights" / spec.weights.name
    data = path.read_bytes()
    assert len(data) == spec.weights.size_bytes
    assert hashlib.sha256(data).hexdigest() == spec.weights.sha256
    assert load_model(path).scale == spec.scale


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
    monkeypatch.setattr("realesr.models.catalog.weight_folders", lambda: (tmp_path / "weights",))
    with pytest.raises(MissingWeightsError, match=str(tmp_path / "weights")):
        find_weights(MODELS[0])
