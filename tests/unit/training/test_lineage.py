"""The bundled recipes take a step, on small networks and images."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import realesr.training
from realesr.degradation.levels import LEVELS
from realesr.degradation.operations import from_levels
from realesr.degradation.pipeline import degrade
from realesr.errors import InvalidOptionError
from realesr.imaging.matlab import imresize
from realesr.models.loader import load_model
from realesr.models.networks.luma import LumaNetwork
from realesr.models.registry import by_name
from realesr.training.builders import build_dataset, build_generator
from realesr.training.loop import train
from realesr.training.recipe import (
    GeneratorConfig,
    InitConfig,
    PerceptualConfig,
    PixelLossConfig,
    SourceConfig,
)
from realesr.training.recipe_files import load_recipe
from realesr.training.schedule import learning_rate

from support.training import make_data, tiny_recipe

FOLDER = Path(realesr.training.__path__[0]) / "recipes"
RECIPES = sorted(FOLDER.glob("*.toml"))
FEATURES = ("squeezenet", "efficientnet", "texture", "vgg", "srgan_vgg")
COUNTS = {"num_block": 2, "num_dense": 1, "num_layer": 2, "num_conv": 2}
CPU = torch.device("cpu")


def shrunk(recipe):
    """The recipe with a narrow network, small patches and no feature networks, for one step."""
    architecture = by_name(recipe.generator.architecture)
    known = {**asdict(architecture()), **recipe.generator.parameters}
    small = {
        name: COUNTS.get(name, 8) if name.startswith("num_") and known[name] else known[name]
        for name in known
        if name != "scale"
    }
    losses = replace(
        recipe.losses,
        **dict.fromkeys(FEATURES),
        l1=PixelLossConfig(weight=1.0),
        charbonnier=None,
        gan=recipe.losses.gan and replace(recipe.losses.gan, target="hr"),
    )
    discriminator = recipe.discriminator and replace(
        recipe.discriminator, num_feat=4, init=None, warmup_steps=0
    )
    data = replace(
        recipe.data,
        sources=(SourceConfig(path="a.tar"),),
        manifest=None,
        licenses=(),
        batch_size=2,
        lr_size=16,
        margin=1,
        pair_pool=0,
    )
    return replace(
        recipe,
        generator=replace(recipe.generator, parameters=small, init=None),
        discriminator=discriminator,
        losses=losses,
        data=data,
        schedule=replace(recipe.schedule, total_steps=1),
        validation=None,
        teacher=None,
        precision="fp32",
        log_every=1,
    )


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_recipe_takes_a_step(path, data_root, tmp_path):
    recipe = load_recipe(path)
    with torch.device("meta"):
        whole = build_generator(
            replace(recipe.generator, init=None, initialization="default"),
            scale=recipe.scale,
            find=Path,
        )
    assert whole.scale == recipe.scale
    weights = train(shrunk(recipe), data_root=data_root, folder=tmp_path, device=CPU, workers=0)
    losses = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["losses"]
    assert all(np.isfinite(list(losses.values())))
    assert ("discriminator" in losses) == (recipe.discriminator is not None)
    network = load_model(weights)
    assert network.scale == recipe.scale
    assert network(torch.rand(1, 3, 8, 8)).shape == (1, 3, 8 * recipe.scale, 8 * recipe.scale)


def test_official_numbers():
    """As in train_realesrgan_x4plus.yml and train_realesrnet_x4plus.yml."""
    net, gan = (load_recipe(FOLDER / f"realesr{kind}-x4plus.toml") for kind in ("net", "gan"))
    for recipe in (net, gan):
        assert recipe.damage == ((LEVELS["paper"], 1.0),)
        assert recipe.data.sharpen
        assert (recipe.data.batch_size, recipe.data.pair_pool) == (12, 180)
        assert 4 * recipe.data.lr_size == 256
        assert 4 * (recipe.data.lr_size + 2 * recipe.data.margin) == 400
        assert (recipe.schedule.betas, recipe.schedule.ema_decay) == ((0.9, 0.99), 0.999)
        assert not recipe.schedule.milestones
        assert not recipe.schedule.decay_steps
    assert (net.schedule.total_steps, net.schedule.learning_rate) == (1_000_000, 2e-4)
    assert (gan.schedule.total_steps, gan.schedule.learning_rate) == (400_000, 1e-4)
    assert net.losses.gan is None
    assert gan.losses.l1 == PixelLossConfig(weight=1.0)
    assert gan.losses.vgg == PerceptualConfig(weight=1.0)  # its layers are Real-ESRGAN's
    assert (gan.losses.gan.weight, gan.losses.gan.mode) == (0.1, "vanilla")
    assert (gan.discriminator.kind, gan.discriminator.num_feat) == ("unet", 64)


def test_each_stage_starts_from_the_one_before():
    for path in RECIPES:
        init = load_recipe(path).generator.init
        folder, _, file = (init if isinstance(init, str) else "").rpartition("/")
        if folder and not folder.startswith("photo") and not folder.startswith("anime"):
            before = load_recipe(FOLDER / f"{folder}.toml")
            assert file == f"{before.name}.safetensors"
            now = load_recipe(path).generator
            assert before.generator.architecture == now.architecture
            assert before.generator.parameters == now.parameters


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_level_bicubic_is_matlabs(scale):
    hr = np.random.default_rng(0).integers(0, 256, (24 * scale, 20 * scale, 3), np.uint8)
    level = replace(LEVELS["bicubic"], scale=scale)
    lr = degrade(from_levels(hr), level, np.random.default_rng(1))
    expected = imresize(hr.astype(np.float64), 20, 24).clip(0, 255)
    inner = slice(3, -3)  # MATLAB mirrors at the border; data.margin cuts it off
    assert np.abs(lr * 255 - expected)[inner, inner].max() <= 0.501


def test_a_luma_network_learns_the_luma(data_root, tmp_path):
    recipe = tiny_recipe(
        generator=GeneratorConfig(
            architecture="espcn",
            parameters={"num_feat": 8, "num_mapped": 8},
            initialization="identity",
        )
    )
    weights = train(recipe, data_root=data_root, folder=tmp_path, device=CPU, workers=0)
    assert isinstance(load_model(weights), LumaNetwork)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert sum("validation" in line for line in lines) == 3


def test_a_luma_network_refuses_losses_of_colors(data_root, tmp_path):
    recipe = tiny_recipe(generator=GeneratorConfig(architecture="espcn"))
    recipe = replace(recipe, losses=replace(recipe.losses, squeezenet=PerceptualConfig(weight=1.0)))
    with pytest.raises(InvalidOptionError, match="squeezenet needs colors"):
        train(recipe, data_root=data_root, folder=tmp_path, device=CPU, workers=0)


def test_a_network_starts_from_one_of_another_scale(tmp_path):
    sizes = {"num_feat": 8, "num_block": 1}
    first = build_generator(
        GeneratorConfig(architecture="edsr", parameters=sizes), scale=2, find=Path
    )
    path = tmp_path / "x2.pth"
    torch.save(first.state_dict(), path)
    config = GeneratorConfig(
        architecture="edsr", parameters=sizes, init=InitConfig(weights=str(path), partial=True)
    )
    second = build_generator(config, scale=3, find=Path)
    assert torch.equal(second.body[0].body[0].weight, first.body[0].body[0].weight)
    assert second.tail[0][0].weight.shape != first.tail[0][0].weight.shape


def test_milestones_lower_the_rate():
    plan = {"warmup_steps": 0, "decay_steps": 0, "total_steps": 40, "milestones": (10, 20)}
    assert [learning_rate(step, **plan) for step in (0, 9, 10, 19, 20, 39)] == [
        1,
        1,
        0.5,
        0.5,
        0.25,
        0.25,
    ]
    assert learning_rate(15, **plan, milestone_factor=0.1) == 0.1


def test_layouts_of_data_sets_are_read(tmp_path):
    """DIV2K, Flickr2K, DF2K and COCO: also gray images, and such as are too small for a patch."""
    rng = np.random.default_rng(0)
    files = {
        "DIV2K/DIV2K_train_HR/0001.png": (80, 96, 3),
        "DIV2K/DIV2K_train_LR_bicubic/X4/0001x4.png": (20, 24, 3),
        "Flickr2K/Flickr2K_HR/000001.png": (80, 80, 3),
        "DF2K/DF2K_HR/000002.png": (80, 80, 3),
        "DF2K/DF2K_multiscale/000002T0.png": (72, 72, 3),
        "COCO/train2017/000000000009.jpg": (90, 80, 3),
        "COCO/train2017/000000000061.jpg": (90, 80),
        "COCO/train2017/000000000064.jpg": (30, 80, 3),
    }
    for name, shape in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            cv2.imencode(path.suffix, rng.integers(0, 256, shape, np.uint8))[1].tobytes()
        )
    for source, count in {
        "DIV2K/DIV2K_train_HR": 1,
        "Flickr2K/Flickr2K_HR": 1,
        "DF2K": 2,
        "COCO/train2017": 3,
    }.items():
        recipe = tiny_recipe(data={"sources": (SourceConfig(path=source),), "lr_size": 32})
        dataset = build_dataset(recipe, data_root=tmp_path)
        assert len(dataset._stores[0]) == count
        for index in range(6):
            lr, hr, _ = dataset[index]
            assert lr.shape == (3, 32, 32)
            assert hr.shape == (3, 64, 64)


def test_a_source_may_have_a_manifest_of_its_own(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(cv2.imencode(".png", np.zeros((80, 80, 3), np.uint8))[1].tobytes())
    (tmp_path / "all.csv").write_text("file,licence\n1.png,CC0\n2.png,GPL\n")
    (tmp_path / "b.csv").write_text("file,licence\n1.png,CC0\n2.png,CC0\n")
    sources = (SourceConfig(path="a"), SourceConfig(path="b", manifest="b.csv"))
    recipe = tiny_recipe(
        data={"sources": sources, "manifest": "all.csv", "licenses": ("CC0",), "lr_size": 32}
    )
    dataset = build_dataset(recipe, data_root=tmp_path)
    assert [len(store) for store in dataset._stores] == [1, 2]
