from pathlib import Path

import pytest

import realesr.training
from realesr.degradation.pipeline import DegradationConfig
from realesr.errors import InvalidOptionError
from realesr.training.config import ScheduleConfig, load_recipe

RECIPES = sorted((Path(realesr.training.__path__[0]) / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_shipped_recipes_load(path):
    recipe = load_recipe(path)
    assert recipe.name
    assert recipe.data.licences, "a shipped model is trained on pictures with a named licence only"
    assert not any(name.startswith("CC BY-SA") for name in recipe.data.licences)


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


MINIMAL = 'name = "x"\n[data]\npictures = ["a.tar"]\n[schedule]\ntotal_steps = 5\n'


def test_what_is_not_named_has_its_default(tmp_path):
    recipe = load_recipe(write(tmp_path, MINIMAL))
    assert recipe.data.pictures == ("a.tar",)
    assert recipe.schedule == ScheduleConfig(total_steps=5)
    assert recipe.degradation == DegradationConfig()


def test_stages_are_nested(tmp_path):
    text = MINIMAL + "[degradation]\nscale = 2\n[degradation.second]\nsigma = [1.0, 2.0]\n"
    degradation = load_recipe(write(tmp_path, text)).degradation
    assert degradation.scale == 2
    assert degradation.second.sigma == (1.0, 2.0)
    assert degradation.first == DegradationConfig().first


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name = ", "recipe.toml"),
        (MINIMAL + "[network]\nfeatures = 3\n", "features"),
        (MINIMAL + "[degradation.third]\n", "third"),
        ("[data]\npictures = []\n[schedule]\ntotal_steps = 5\n", "name"),
        ('name = "x"\n[data]\npictures = []\n', "schedule"),
    ],
)
def test_mistakes_are_named(tmp_path, text, named):
    with pytest.raises(InvalidOptionError, match=named):
        load_recipe(write(tmp_path, text))
