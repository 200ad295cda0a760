"""A tiny training set and a tiny recipe."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from realesr.training.recipe import (
    DataConfig,
    DiscriminatorConfig,
    GanConfig,
    GeneratorConfig,
    LossesConfig,
    PixelLossConfig,
    Recipe,
    ScheduleConfig,
    SourceConfig,
    ValidationConfig,
)

from support.archives import make_tar

SCHEDULE = ScheduleConfig(total_steps=4, warmup_steps=2, decay_steps=2)
DATA = DataConfig(
    sources=(SourceConfig(path="a.tar"),), damage={"light": 1.0}, batch_size=2, lr_size=16, margin=1
)
GAN = {
    "losses": LossesConfig(l1=PixelLossConfig(weight=1.0), gan=GanConfig(weight=0.1)),
    "discriminator": DiscriminatorConfig(kind="patch", num_feat=4, adaptive=True),
}


def make_data(root: Path) -> Path:
    """Two images of coarse blocks: in a tar for training, in a folder for validation."""
    clean = root / "clean"
    clean.mkdir(parents=True)
    rng = np.random.default_rng(0)
    members = {}
    for index in range(2):
        coarse = rng.integers(0, 256, (12, 14, 3), np.uint8)
        encoded = cv2.imencode(".png", np.kron(coarse, np.ones((8, 8, 1), np.uint8)))[1].tobytes()
        members[f"{index}.png"] = encoded
        (clean / f"{index}.png").write_bytes(encoded)
    make_tar(root / "a.tar", members)
    return root


def tiny_recipe(*, schedule=(), data=(), **changes) -> Recipe:
    """A recipe of seconds; ``schedule`` and ``data`` change single values of these tables."""
    values = {
        "name": "tiny",
        "scale": 2,
        "data": replace(DATA, **dict(data)),
        "losses": LossesConfig(l1=PixelLossConfig(weight=1.0)),
        "schedule": replace(SCHEDULE, **dict(schedule)),
        "generator": GeneratorConfig(
            parameters={"num_feat": 8, "num_conv": 1}, initialization="identity"
        ),
        "validation": ValidationConfig(images="clean", levels=("light",), every=2, sheet=1),
        "precision": "fp32",
        "log_every": 1,
        "save_every": 2,
        **changes,
    }
    return Recipe(**values)
