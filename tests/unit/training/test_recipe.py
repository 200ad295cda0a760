from pathlib import Path

import pytest

import realesr.training
from realesr.degradation.pipeline import DegradationConfig
from realesr.errors import InvalidOptionError
from realesr.training.recipe import InitConfig, PixelLossConfig
from realesr.training.recipe_files import bundled_recipe, load_recipe, with_feature_weights

RECIPES = sorted((Path(realesr.training.__path__[0]) / "recipes").glob("*.toml"))

MINIMAL = """
name = "x"
[data]
sources = [{ path = "a.tar" }]
[losses]
l1 = 1.0
[schedule]
total_steps = 5
"""


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_bundled_recipes_load(path):
    recipe = load_recipe(path)
    assert recipe.name
    if recipe.name.startswith("realesr-") or recipe.name.endswith("-small"):
        assert recipe.data.licenses, "a shipped model: images with a named license only"
    assert not any(name.startswith("CC BY-SA") for name in recipe.data.licenses)
    assert bundled_recipe(Path(path.stem)) == path


def write(folder: Path, text: str = MINIMAL) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_what_is_not_named_has_its_default(tmp_path):
    recipe = load_recipe(write(tmp_path))
    assert recipe.data.sources[0].path == "a.tar"
    assert recipe.losses.l1 == PixelLossConfig(weight=1.0)
    assert recipe.losses.gan is None
    assert recipe.schedule.learning_rate == 1e-4
    assert recipe.damage == ((DegradationConfig(), 1.0),)


def test_levels_have_the_scale_of_the_recipe_and_shares_of_one(tmp_path):
    text = MINIMAL + "[data.damage]\nlight = 3\nmine = 1\n[levels.mine.second]\nsigma = [1.0, 2]\n"
    text = text.replace("[data.damage]", "").replace("light = 3\nmine = 1\n", "")
    overrides = ["data.damage={light = 3, mine = 1}", "scale=2"]
    levels = load_recipe(write(tmp_path, text), overrides).damage
    assert [share for _, share in levels] == [0.75, 0.25]
    assert all(level.scale == 2 for level, _ in levels)
    assert levels[1][0].second.sigma == (1.0, 2.0)


def test_an_override_without_a_value_takes_a_key_away(tmp_path):
    path = bundled_recipe(Path("photo-x4-crisp"))
    keys = ("data.manifest", "validation.niqe", "losses.gan", "discriminator", "absent.too")
    taken = [*(f"{key}=" for key in keys), "data.licenses = "]
    taken += [f"data.sources=[{{ path = '{tmp_path}' }}]"]
    recipe = load_recipe(path, taken)
    assert (recipe.data.manifest, recipe.data.licenses) == (None, ())
    assert (recipe.validation.niqe, recipe.losses.gan, recipe.discriminator) == (None, None, None)
    assert recipe.validation.squeezenet is not None
    assert recipe.losses.squeezenet is not None
    with pytest.raises(InvalidOptionError, match=r"data\.sources"):
        load_recipe(path, ["data.sources="])


def test_overrides_reach_nested_values_and_words(tmp_path):
    recipe = load_recipe(
        write(tmp_path),
        [
            "data.batch_size=4",
            "precision=fp32",
            "generator.init.weights=a.pth",
            "losses.l1.weight=2",
        ],
    )
    assert recipe.data.batch_size == 4
    assert recipe.precision == "fp32"
    assert recipe.generator.init == InitConfig(weights="a.pth")
    assert recipe.losses.l1.weight == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "data.bach_size=4",
            "data.bach_size is not a key of a recipe; did you mean data.batch_size",
        ),
        ("losses.perception=4", "known: l1, mse"),
        ("losses.l1.wait=4", "did you mean losses.l1.weight"),
        ("data.batch_size=4.5", "must be a whole number"),
        ("data.batch_size=many", "must be a whole number"),
        ("data.sharpen=1", "must be true or false"),
        ("schedule.betas=[0.9]", "must have 2 values"),
        ("losses.gan=0.1", "need each other"),
        ("losses.l1.target=teacher", "must be one of hr, mix"),
        ("losses.l1.target=mix", r"needs a \[teacher\]"),
        (
            "data.damage={lite = 1}",
            "known: bicubic, clean, light, medium, heavy, camera",
        ),
        ("data.damage={light = 0}", "data.damage: a share must be above 0"),
        ("data.sources=[{ path = 'a', share = 0 }]", "data.sources: a share must be above 0"),
        ("losses.l1.weight=0", "there is no loss"),
        ("validation={ images = 'a', levels = [] }", "validation.levels is empty"),
        ("data.licenses=['CC0']", "data.licenses: a.tar has no manifest that names licenses"),
        ("data.manifest=m.csv", "data.licenses is empty: name the licenses of m.csv"),
        (
            "data.sources=[{ path = 'a', manifest = 'm.csv' }, { path = 'b' }]",
            "data.licenses is empty: name the licenses of m.csv",
        ),
        ("data.pair_pool=7", "multiple"),
        *((each, "must be KEY=VALUE") for each in ("data.batch_size", "=3", " =3", "data.=3")),
        ("losses.l1=nan", "losses.l1: weight must be a finite number, 0 or more, not nan"),
        ("losses.l1=-1", "losses.l1: weight must be 0 or more, not -1"),
        ("losses.l1=much", "losses.l1 = 'much': must be a number or a table"),
        ("seed=9223372036854775808", r"seed must be below 2\*\*63"),
        ("generator.init={wait = 1}", "generator.init.wait is not a key"),
    ],
)
def test_mistakes_are_named(tmp_path, override, message):
    with pytest.raises(InvalidOptionError, match=message):
        load_recipe(write(tmp_path), [override])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name = ", "recipe.toml"),
        (MINIMAL.replace('name = "x"', ""), "name is missing"),
        (MINIMAL.replace("total_steps = 5", ""), "schedule.total_steps is missing"),
        (MINIMAL.replace("l1 = 1.0", ""), "there is no loss"),
        (MINIMAL.replace('[{ path = "a.tar" }]', "[]"), "data.sources is empty"),
    ],
)
def test_broken_recipes_are_named(tmp_path, text, named):
    with pytest.raises(InvalidOptionError, match=named):
        load_recipe(write(tmp_path, text))


def test_a_missing_recipe_is_an_error_in_words(tmp_path):
    with pytest.raises(InvalidOptionError, match=r"absent\.toml cannot be read .*: No such file"):
        load_recipe(bundled_recipe(tmp_path / "absent.toml"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("photo-x4-crips", r"did you mean photo-x4-crisp( or|\?)"),
        ("srgan.toml", "did you mean srgan-x4"),
        ("something", "known: anime-x4-crisp, .*, wdsr-x4-small$"),
    ],
)
def test_a_mistyped_name_of_a_bundled_recipe_has_its_neighbors(name, message):
    with pytest.raises(
        InvalidOptionError, match=f"^{name}: no such file, and no bundled recipe; {message}"
    ):
        bundled_recipe(Path(name))


def test_a_folder_of_results_does_not_hide_a_bundled_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "srgan-x4").mkdir()
    assert bundled_recipe(Path("srgan-x4")).is_file()


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    assert load_recipe(write(tmp_path, "\ufeff" + MINIMAL)).name == "x"


@pytest.mark.parametrize("names", [["squeezenet"], ["vgg", "srgan_vgg"], ["texture", "squeezenet"]])
def test_one_file_serves_all_losses_of_its_network(tmp_path, names):
    recipe = load_recipe(write(tmp_path), [f"losses.{name}=0.1" for name in names])
    losses = with_feature_weights(recipe, "123").losses
    assert {getattr(losses, name).weights for name in names} == {"123"}
    assert (losses.l1, losses.efficientnet) == (recipe.losses.l1, None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "the recipe has none of the losses squeezenet, texture, vgg, srgan_vgg"),
        (["efficientnet"], "has none of the losses"),
        (
            ["vgg", "texture"],
            "texture and vgg have .*: --set losses.texture.weights=FILE --set losses.vgg.weights=",
        ),
    ],
)
def test_a_file_that_cannot_serve_all_losses_is_refused(tmp_path, names, message):
    recipe = load_recipe(write(tmp_path), [f"losses.{name}=0.1" for name in names])
    with pytest.raises(InvalidOptionError, match=f"`perceptual_weights` a.pth: .*{message}"):
        with_feature_weights(recipe, "a.pth")


@pytest.mark.parametrize(
    "override",
    [
        *("data.batch_size=0", "data.batch_size=-1", "data.margin=-50", "data.cache_mib=-1"),
        *("log_every=0", "save_every=0", "scale=0", "seed=-1"),
        *("schedule.total_steps=0", "schedule.learning_rate=nan", "schedule.learning_rate=inf"),
        *("schedule.ema_decay=1.0", "schedule.warmup_steps=-1"),
        *("validation={ images = 'a', every = 0 }", "validation={ images = 'a', sheet = -1 }"),
        "validation={ images = 'a', efficientnet = 1 }",
        *("losses.l1.weight=-1", "losses.l1.weight=nan", "losses.l1.weight=inf"),
        *("losses.consistency={ weight = 1, chroma = -1 }", "losses.gan.weight=-1"),
        *("losses.vgg={ weight = 1, layers = { conv1_2 = -1 } }", "losses.squeezenet.weight=-1"),
        *("schedule.milestone_factor=-1", "schedule.milestones=[-5]", "schedule.milestones=[0]"),
        *("schedule.freeze_norms=-1", "schedule.betas=[1.5, 0.9]", "schedule.betas=[0.9, nan]"),
        *("discriminator.num_feat=0", "discriminator.warmup_steps=-5"),
        *("discriminator.learning_rate=-1", "discriminator.learning_rate=nan"),
        *("teacher={ model = 'a', share = 5 }", "teacher={ model = 'a', patches = 0 }"),
        "generator.init={ weights = 'a', share = 7 }",
        *(
            "data.sources=[{ path = 'a', share = -1 }]",
            "data.sources=[{ path = 'a', share = nan }]",
        ),
        *("data.damage={ bicubic = -1.0, light = 2.0 }", "data.damage={ light = nan }"),
    ],
)
def test_numbers_outside_their_range_are_named(tmp_path, override):
    """Before a step, and with the key; a negative weight would train towards the worst."""
    key = override.partition("=")[0].split(".")[0]
    with pytest.raises(InvalidOptionError, match=rf"recipe\.toml: .*{key}.* must be "):
        load_recipe(write(tmp_path), [override])


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden"])
def test_a_name_is_that_of_a_file(tmp_path, name):
    with pytest.raises(InvalidOptionError, match="must be the name of a file, without a folder"):
        load_recipe(write(tmp_path), [f"name='{name}'"])
