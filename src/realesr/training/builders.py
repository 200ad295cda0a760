"""Builders of networks, optimizers and patches from a recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from realesr.engine.device import kind_of
from realesr.engine.precision import has_bf16
from realesr.errors import InvalidOptionError, MissingWeightsError, UnsupportedCheckpointError
from realesr.media.images.index import index_images
from realesr.media.images.manifest import allowed_files
from realesr.models.registry import ARCHITECTURES, by_name
from realesr.training.batches import DeviceDamage, PairPool
from realesr.training.dataset import PatchDataset
from realesr.training.discriminators import build_discriminator
from realesr.training.distributed import World
from realesr.training.ema import ExponentialMovingAverage
from realesr.training.initialization import initialize_
from realesr.training.recipe import (
    DiscriminatorConfig,
    GeneratorConfig,
    InitConfig,
    Recipe,
)
from realesr.training.schedule import AdaptiveSteps
from realesr.training.state import TrainingState
from realesr.training.store import ImageStore
from realesr.training.tables import from_table
from realesr.training.teacher import TeacherOutputs
from realesr.weights.catalog import MODELS, find_model
from realesr.weights.fetch import ensure_weights
from realesr.weights.state_dict import interpolate
from realesr.weights.torch_checkpoint import load_state_dict

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def find_file(name: str, data_root: Path) -> Path:
    """Finds weights by a catalog name, or a file under the data root or the working folder.

    Raises:
        MissingWeightsError: There is no such file.
        DownloadError: The catalog's file cannot be downloaded.
    """
    for path in (data_root / name, Path(name)):
        if path.is_file():
            return path
    if name in {spec.name for spec in MODELS}:
        return ensure_weights(find_model(name))
    raise MissingWeightsError(
        f"{name}: no such file under {data_root} or here, and no model of the catalog"
    )


def build_generator(
    config: GeneratorConfig, *, scale: int, find: Callable[[str], Path]
) -> nn.Module:
    """Builds the generator with its initial parameters.

    Raises:
        InvalidOptionError: The architecture or one of its hyperparameters is unknown, or none of
            its networks has such hyperparameters.
        WeightsError: The weights to start from are missing or do not fit.
    """
    architecture = by_name(config.architecture)
    if architecture is None:
        raise InvalidOptionError(
            f"generator.architecture = {config.architecture!r}: "
            f"must be one of {', '.join(each.name for each in ARCHITECTURES)}"
        )
    where = "generator.parameters"
    if "scale" in config.parameters:
        raise InvalidOptionError(f"{where}.scale: the recipe's own scale says it")
    table = {**config.parameters, "scale": scale}
    network: nn.Module = from_table(cast(Any, architecture), table, where).build()
    if config.init is not None:
        init = InitConfig(weights=config.init) if isinstance(config.init, str) else config.init
        state = load_state_dict(find(init.weights))
        if init.mix is not None:
            state = interpolate(state, load_state_dict(find(init.mix)), init.share)
        if init.partial:
            initialize_(network, config.initialization)
            state = _fitting(network, state, init.weights)
        _load(network, state, init.weights)
    else:
        initialize_(network, config.initialization)
    return network


def _fitting(network: nn.Module, state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Replaces those of a network's values that a file has in the same shape.

    Raises:
        UnsupportedCheckpointError: The file has none.
    """
    own = network.state_dict()
    found = {key: t for key, t in state.items() if key in own and t.shape == own[key].shape}
    if not found:
        raise UnsupportedCheckpointError(f"{name} has no parameter of the network of the recipe")
    return own | found


def _load(network: nn.Module, state: dict[str, Tensor], name: str) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UnsupportedCheckpointError(
            f"{name} does not fit the network of the recipe: {' '.join(str(error).split())[:300]}"
        ) from error


def build_state(
    recipe: Recipe, generator: nn.Module, *, find: Callable[[str], Path], device: torch.device
) -> TrainingState:
    """Builds everything that changes during a run.

    Raises:
        InvalidOptionError: The discriminator is unknown.
        WeightsError: The discriminator's initial weights are missing or do not fit.
    """
    schedule = recipe.schedule
    generator = _on_device(generator, device)
    adam = partial(torch.optim.Adam, lr=schedule.learning_rate, betas=schedule.betas)
    state = TrainingState(
        generator=generator,
        optimizer=adam(generator.parameters()),
        ema=ExponentialMovingAverage(generator, schedule.ema_decay),
        scaler=torch.amp.GradScaler(
            device.type, enabled=autocast_dtype(recipe.precision, device) == torch.float16
        ),
        pool=PairPool(recipe.data.pair_pool, recipe.seed) if recipe.data.pair_pool else None,
        world=World.from_environment(device),
    )
    if recipe.discriminator is not None:
        discriminator = _build_discriminator(recipe.discriminator, recipe, find)
        state.discriminator = _on_device(discriminator, device)
        state.discriminator_optimizer = adam(state.discriminator.parameters())
        state.adaptive = AdaptiveSteps() if recipe.discriminator.adaptive else None
    return state


def _on_device(network: nn.Module, device: torch.device) -> nn.Module:
    return network.to(device).to(memory_format=torch.channels_last)


def _build_discriminator(
    config: DiscriminatorConfig, recipe: Recipe, find: Callable[[str], Path]
) -> nn.Module:
    side = recipe.data.lr_size * recipe.scale
    discriminator = build_discriminator(config.kind, side=side, num_feat=config.num_feat)
    if config.init is not None:
        _load(discriminator, load_state_dict(find(config.init)), config.init)
    return discriminator


def build_dataset(
    recipe: Recipe, *, data_root: Path, teacher: TeacherOutputs | None = None
) -> PatchDataset:
    """Indexes the images that the recipe allows.

    Raises:
        UnreadableMediaError, InvalidOptionError: A source cannot be read, or has no image.
    """
    data = recipe.data
    stores, shares = [], []
    for source in data.sources:
        manifest, path = source.manifest or data.manifest, data_root / source.path
        allowed = allowed_files(data_root / manifest, data.licenses, path) if manifest else None
        entries = index_images(path, allowed)
        if not entries:
            missing = f" that {data_root / manifest} allows by data.licenses" if manifest else ""
            raise InvalidOptionError(f"data.sources: {path} has no image{missing}")
        cache_bytes = data.cache_mib * 2**20 // len(data.sources)
        store = ImageStore(
            entries, cache_bytes=cache_bytes, sharpen=data.sharpen, degrain=data.degrain
        )
        stores.append(store)
        shares.append(float(len(entries)) if source.share is None else source.share)
    return PatchDataset(
        stores,
        shares,
        recipe.damage,
        lr_size=data.lr_size,
        margin=data.margin,
        seed=recipe.seed,
        teacher=teacher,
        smallest_zoom=data.smallest_zoom,
        recolor=data.recolor,
        is_clean=data.damage_groups > 0,
    )


def build_damage(recipe: Recipe, *, rank: int) -> DeviceDamage | None:
    """Builds what damages whole batches; None if the dataset damages each patch."""
    data = recipe.data
    if not data.damage_groups:
        return None
    return DeviceDamage(
        recipe.damage,
        groups=data.damage_groups,
        margin=data.margin,
        seed=recipe.seed,
        rank=rank,
    )


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Returns the dtype of multiplications: bfloat16, float16 on older GPUs, else float32."""
    if precision != "auto":
        return _DTYPES[precision]
    if has_bf16(str(device)):
        return torch.bfloat16
    return torch.float16 if kind_of(str(device)) == "cuda" else torch.float32
