"""What a training run is made of, read from a TOML recipe.

The configuration stays at the edge: builders flatten it to plain parameters, and no network or
dataset ever sees it.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from realesr.degradation.pipeline import DegradationConfig, StageConfig
from realesr.errors import InvalidOptionError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """A ``SRVGGNetCompact``; the scale is that of the degradation."""

    num_feat: int = 64
    num_conv: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Where the pictures are and which of them may be used. Paths are relative to the data root.

    Attributes:
        pictures: Tar files of pictures.
        manifest: CSV file with the columns ``file`` and ``licence``; ``None`` takes every picture.
        licences: A picture is used if its licence starts with one of these.
        validation: Folder of clean pictures that the training never sees.
        sharpen: Whether targets (and so inputs) are made from USM-sharpened pictures.
    """

    pictures: tuple[str, ...]
    manifest: str | None = None
    licences: tuple[str, ...] = ()
    validation: str | None = None
    sharpen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """Steps, batches and learning rate.

    Attributes:
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps of linear growth of the learning rate from 0.
        decay_steps: Last steps, in which the learning rate falls along a half cosine to 0.
        learning_rate: Highest learning rate.
        batch_size: Pairs a step.
        lr_size: Side of the low-resolution patches, px.
        margin: Low-resolution px around a patch that are degraded with it and cut off, so that
            borders of the patch are not borders of the blur.
        ema_decay: Share of the moving average that survives a step.
    """

    total_steps: int
    warmup_steps: int = 500
    decay_steps: int = 5000
    learning_rate: float = 5e-4
    batch_size: int = 16
    lr_size: int = 48
    margin: int = 4
    ema_decay: float = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A whole recipe."""

    name: str
    data: DataConfig
    schedule: ScheduleConfig
    network: NetworkConfig = NetworkConfig()
    degradation: DegradationConfig = field(default_factory=DegradationConfig)
    seed: int = 0
    log_every: int = 100
    save_every: int = 1000


def load_recipe(path: Path) -> TrainConfig:
    """Reads a recipe.

    Raises:
        InvalidOptionError: The file is not TOML, or a key is unknown or missing.
        OSError: The file cannot be read.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        degradation = dict(table.pop("degradation", {}))
        stages = {
            stage: _build(StageConfig, degradation.pop(stage))
            for stage in ("first", "second")
            if stage in degradation
        }
        return TrainConfig(
            data=_build(DataConfig, table.pop("data")),
            schedule=_build(ScheduleConfig, table.pop("schedule")),
            network=_build(NetworkConfig, table.pop("network", {})),
            degradation=_build(DegradationConfig, {**degradation, **stages}),
            **table,
        )
    except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise InvalidOptionError(f"{path} is not a valid recipe: {error}") from error


def _build(cls: type[T], table: Mapping[str, Any]) -> T:
    """Makes a dataclass from a TOML table; lists become tuples."""
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := table.keys() - known:
        raise TypeError(f"unknown key {', '.join(sorted(unknown))} for {cls.__name__}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
