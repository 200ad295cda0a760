"""A teacher in a run: its outputs are made before it on a CPU, and amid its steps on a GPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from realesr.errors import InvalidOptionError
from realesr.imaging.image import Image
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.models.loader import load_model
from realesr.models.networks.base import SRModel
from realesr.options import UpscaleOptions
from realesr.training.builders import build_dataset
from realesr.training.checks import check_teacher
from realesr.training.recipe import Recipe, TeacherConfig
from realesr.training.teacher import TeacherOutputs, lock_color
from realesr.weights.fetch import sha256_of


def prepare_teacher(
    recipe: Recipe,
    *,
    data_root: Path,
    folder: Path,
    find: Callable[[str], Path],
    on_progress: Callable[[int, int], None],
) -> TeacherOutputs | None:
    """Computes missing outputs of the teacher with the fastest engine of this CPU.

    Raises:
        InvalidOptionError: The teacher has another scale, or the outputs on disk are of another
            teacher or of other patches.
        RealesrError: The teacher cannot be loaded.
    """
    config = recipe.teacher
    if config is None:
        return None
    if recipe.data.damage_groups:
        raise InvalidOptionError(
            "data.damage_groups: on a CPU the teacher's outputs are stored, and damage must not "
            "change from step to step; set it to 0"
        )
    path = find(config.model)
    options = UpscaleOptions(model_path=path)
    upscaler = make_upscaler(options, ensure_files(options))
    check_teacher(recipe, path, scale=upscaler.scale)
    identity = {
        "teacher": sha256_of(path),
        "patches": config.patches,
        "data": dataclasses.asdict(
            dataclasses.replace(recipe.data, batch_size=1, pair_pool=0, cache_mib=0)
        ),
        "damage": [(dataclasses.asdict(level), share) for level, share in recipe.damage],
        "seed": recipe.seed,
    }
    side = recipe.data.lr_size * recipe.scale
    outputs = TeacherOutputs(folder / "teacher.npy", config.patches, side, identity)
    if outputs.done < len(outputs):
        dataset = build_dataset(recipe, data_root=data_root)

        def patch(index: int) -> NDArray[np.float32]:
            return dataset.draw((recipe.seed, index))[0]

        def upscale(lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
            image = Image(lr)
            (found,) = upscaler.upscale_to([image], image.size.scaled(recipe.scale))
            return np.asarray(found.pixels, dtype=np.uint8)

        outputs.fill(patch, upscale, on_progress=on_progress)
    return outputs


def live_teacher(
    recipe: Recipe, path: Path, device: torch.device, dtype: torch.dtype
) -> Callable[[Tensor], Tensor]:
    """Returns the teacher as a function of (N, 3, h, w) in [0, 1], for a GPU.

    Raises:
        InvalidOptionError: It has another scale, or does not take the recipe's patches.
        WeightsError: It cannot be loaded.
    """
    network = load_model(path)
    properties = cast(SRModel, network)
    check_teacher(recipe, path, scale=properties.scale, multiple_of=properties.multiple_of)
    network = network.to(device).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def teach(lr: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            sr = network(lr)
        clamped: Tensor = sr.float().clamp(0, 1)
        return clamped

    return teach


def mix_targets(config: TeacherConfig | None, scale: int, hr: Tensor, taught: Tensor) -> Tensor:
    """Mixes clean images with the teacher's output as the recipe asks for.

    Args:
        config: The recipe's teacher.
        scale: High-resolution px per low-resolution px.
        hr: (N, 3, H, W), in [0, 1].
        taught: (N, 3, H, W), in [0, 1].
    """
    if config is None:
        return hr
    taught = lock_color(taught, hr, scale) if config.color_lock else taught
    return torch.lerp(hr, taught, config.share)
