"""The first trainer: L1 towards sharpened pictures, Adam, a moving average, resumable."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from realesr.degradation.operations import from_levels
from realesr.degradation.pipeline import degrade
from realesr.engine.memory import keep_freed_memory
from realesr.models.checkpoint import load_state_dict, save_weights
from realesr.models.srvgg import SRVGGNetCompact
from realesr.training.config import ScheduleConfig, TrainConfig
from realesr.training.dataset import (
    CleanPicture,
    IndexSampler,
    PatchDataset,
    allowed_files,
    read_folder,
    read_tar,
    sharpened,
)
from realesr.training.ema import ExponentialMovingAverage
from realesr.training.initialization import near_identity_

logger = logging.getLogger(__name__)

ADAM_BETAS = (0.9, 0.99)
"""As in the reference's recipes."""


def learning_rate(step: int, schedule: ScheduleConfig) -> float:
    """Linear warm-up, a plateau, and a half cosine down to 0 over the last ``decay_steps``."""
    warmup = min(1.0, (step + 1) / max(1, schedule.warmup_steps))
    left = schedule.total_steps - step
    progress = 1 - min(1.0, left / max(1, schedule.decay_steps))
    return schedule.learning_rate * warmup * 0.5 * (1 + math.cos(math.pi * progress))


def load_pictures(config: TrainConfig, data_root: Path) -> list[CleanPicture]:
    """Decodes (and sharpens) the pictures that the recipe allows: (H, W, 3) uint8 RGB."""
    data = config.data
    allowed = allowed_files(data_root / data.manifest, data.licences) if data.manifest else None
    pictures = [p for tar in data.pictures for p in read_tar(data_root / tar, allowed)]
    return [sharpened(p) for p in pictures] if data.sharpen else pictures


def train(
    config: TrainConfig,
    *,
    data_root: Path,
    out_dir: Path,
    initial_weights: Path | None = None,
    workers: int = 1,
) -> Path:
    """Trains until ``total_steps``, going on from ``out_dir/last.ckpt`` if it is there.

    Args:
        config: The recipe.
        data_root: Folder that the recipe's paths are relative to.
        out_dir: Receives ``last.ckpt``, ``log.jsonl`` and the final weights.
        initial_weights: What an earlier run ended with, to start from instead of chance.
        workers: Processes that make patches.

    Returns:
        The final weights: ``out_dir/<name>.safetensors``, float16, the moving average.

    Raises:
        RealesrError: The data cannot be read or is too small.
    """
    keep_freed_memory()
    torch.manual_seed(config.seed)
    out_dir.mkdir(parents=True, exist_ok=True)
    schedule = config.schedule
    network = SRVGGNetCompact(
        num_feat=config.network.num_feat,
        num_conv=config.network.num_conv,
        scale=config.degradation.scale,
    )
    if initial_weights is None:
        near_identity_(network)
    else:
        network.load_state_dict(load_state_dict(initial_weights))
    network = network.to(memory_format=torch.channels_last)
    run = _Run(network, schedule, out_dir)
    validation = _validation_pairs(config, data_root)
    pictures = load_pictures(config, data_root)
    logger.info("%d training pictures, from step %d", len(pictures), run.step)
    started, first_step, losses = time.monotonic(), run.step, []
    for lr, hr in _batches(config, pictures, run.step, workers):
        losses.append(run.optimise(lr, hr))
        if run.step % config.log_every == 0:
            rate = (run.step - first_step) / (time.monotonic() - started)
            run.log(loss=round(sum(losses) / len(losses), 5), steps_per_hour=round(rate * 3600))
            losses.clear()
        if run.step % config.save_every == 0:
            run.save()
            if validation:
                run.log(psnr=round(validation_psnr(run.ema.network, validation), 3))
    run.save()
    weights = out_dir / f"{config.name}.safetensors"
    recipe = json.dumps(dataclasses.asdict(config))
    save_weights(run.ema.network.state_dict(), weights, dtype=torch.float16, recipe=recipe)
    return weights


class _Run:
    """What changes during a run, and its checkpoint."""

    def __init__(self, network: nn.Module, schedule: ScheduleConfig, out_dir: Path) -> None:
        self.step = 0
        self.network = network
        self.ema = ExponentialMovingAverage(network, schedule.ema_decay)
        self._optimizer = torch.optim.Adam(network.parameters(), betas=ADAM_BETAS)
        self._schedule = schedule
        self._checkpoint = out_dir / "last.ckpt"
        self._log = out_dir / "log.jsonl"
        if self._checkpoint.exists():
            self._restore()

    def optimise(self, lr: Tensor, hr: Tensor) -> float:
        """One step: (N, 3, h, w) and (N, 3, H, W) in [0, 1]; returns the L1 loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self._schedule)
        self._optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            sr = self.network(lr.contiguous(memory_format=torch.channels_last))
        loss = F.l1_loss(sr.float(), hr)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.ema.update(self.network)
        self.step += 1
        return loss.item()

    def log(self, **values: float) -> None:
        """Appends a line to the log file."""
        line = json.dumps({"step": self.step, **values})
        logger.info(line)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def save(self) -> None:
        """Replaces the checkpoint in one step, so that an interruption never loses both."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "ema": self.ema.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        partial = self._checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self._checkpoint)

    def _restore(self) -> None:
        state: dict[str, Any] = torch.load(self._checkpoint, weights_only=True)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.ema.network.load_state_dict(state["ema"])
        self._optimizer.load_state_dict(state["optimizer"])


def _batches(
    config: TrainConfig, pictures: Sequence[CleanPicture], start: int, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    schedule = config.schedule
    dataset = PatchDataset(
        pictures,
        config.degradation,
        lr_size=schedule.lr_size,
        margin=schedule.margin,
        seed=config.seed,
    )
    size = schedule.batch_size
    sampler = IndexSampler(start * size, schedule.total_steps * size)
    loader = DataLoader(
        dataset,
        batch_size=size,
        sampler=sampler,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_start_worker,
    )
    return iter(loader)


def _start_worker(_: int) -> None:
    """One thread a worker: the others belong to the network."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _validation_pairs(config: TrainConfig, data_root: Path) -> list[tuple[Tensor, Tensor]]:
    """Whole pictures with one fixed degradation each: (1, 3, h, w), (1, 3, H, W) in [0, 1]."""
    if config.data.validation is None:
        return []
    pairs = []
    scale = config.degradation.scale
    for index, picture in enumerate(read_folder(data_root / config.data.validation)):
        height, width = (side // scale * scale for side in picture.shape[:2])
        clean = picture[:height, :width]
        target = sharpened(clean) if config.data.sharpen else clean
        hr = from_levels(target)
        lr = degrade(hr, config.degradation, np.random.default_rng(index))
        pairs.append((_batch_of_one(lr), _batch_of_one(hr)))
    return pairs


def _batch_of_one(picture: np.ndarray[Any, np.dtype[np.float32]]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


@torch.inference_mode()
def validation_psnr(network: nn.Module, pairs: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Mean PSNR in dB over all channels of pairs in [0, 1]: a trend, not a benchmark."""
    total = 0.0
    for lr, hr in pairs:
        error = F.mse_loss(network(lr).clamp(0, 1), hr).item()
        total += -10 * math.log10(max(error, 1e-12))
    return total / len(pairs)
