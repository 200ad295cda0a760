"""Everything that changes during a run, in one object, and its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from realesr.errors import TrainingError
from realesr.partial import Partial
from realesr.training.batches import PairPool
from realesr.training.distributed import World
from realesr.training.ema import ExponentialMovingAverage
from realesr.training.schedule import AdaptiveSteps


@dataclass
class TrainingState:
    """Networks, optimizers and counters of a run.

    Attributes:
        generator: The network that is trained.
        optimizer: The generator's optimizer.
        ema: The generator's moving average.
        discriminator: None in a run without an adversarial loss.
        discriminator_optimizer: None in a run without one.
        scaler: Scales losses where gradients are float16; disabled otherwise.
        adaptive: Decides which discriminator steps are skipped; None makes all steps.
        pool: Pairs to mix batches from.
        world: The processes that train together.
        step: Number of finished optimizer steps.
    """

    generator: nn.Module
    optimizer: torch.optim.Optimizer
    ema: ExponentialMovingAverage
    discriminator: nn.Module | None = None
    discriminator_optimizer: torch.optim.Optimizer | None = None
    scaler: torch.amp.GradScaler = field(
        default_factory=lambda: torch.amp.GradScaler(enabled=False)
    )
    adaptive: AdaptiveSteps | None = None
    pool: PairPool | None = None
    world: World = field(default_factory=World)
    step: int = 0

    def set_learning_rates(self, generator: float, discriminator: float) -> None:
        """Sets both learning rates."""
        _set_learning_rate(self.optimizer, generator)
        if self.discriminator_optimizer is not None:
            _set_learning_rate(self.discriminator_optimizer, discriminator)

    def update_generator(self, losses: Mapping[str, Tensor]) -> None:
        """Makes the generator's optimizer step on the sum of the losses."""
        self._step(self.generator, self.optimizer, torch.stack(list(losses.values())).sum())

    def update_discriminator(self, losses: Mapping[str, Tensor]) -> None:
        """Makes the discriminator's optimizer step."""
        assert self.discriminator is not None  # noqa: S101 - for mypy
        assert self.discriminator_optimizer is not None  # noqa: S101
        self._step(self.discriminator, self.discriminator_optimizer, losses["discriminator"])

    def _step(self, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.world.average_gradients(network.parameters())
        self.scaler.step(optimizer)
        self.scaler.update()

    def _parts(self) -> dict[str, Any]:
        """Returns all objects with a ``state_dict``, by their names in the checkpoint."""
        parts = {
            "generator": self.generator,
            "optimizer": self.optimizer,
            "ema": self.ema.network,
            "discriminator": self.discriminator,
            "discriminator_optimizer": self.discriminator_optimizer,
            "scaler": self.scaler,
            "adaptive": self.adaptive,
            "pool": self.pool,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def save(self, path: Path) -> None:
        """Replaces the checkpoint in one step: an interruption never loses both.

        Raises:
            TrainingError: The file cannot be written; the last one is intact.
        """
        content = {name: part.state_dict() for name, part in self._parts().items()}
        try:
            with Partial(path) as partial:
                with partial.open() as file:
                    torch.save({"step": self.step, **content}, file)
                partial.commit()
        except (OSError, RuntimeError) as error:
            kept = "the last checkpoint is intact" if path.exists() else "there is no earlier one"
            raise TrainingError(
                f"{path}: the checkpoint of step {self.step} cannot be written, {kept}: "
                f"{' '.join(str(error).split())}"
            ) from error

    def restore(self, path: Path) -> bool:
        """Restores a checkpoint; returns whether there was one.

        Raises:
            TrainingError: The checkpoint is damaged, or belongs to other networks.
        """
        if not path.exists():
            return False
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            for name, part in self._parts().items():
                if name == "scaler" and not content[name]:
                    continue
                part.load_state_dict(content[name])
            self.step = content["step"]
        except Exception as error:  # torch raises many types, depending on what does not fit
            raise TrainingError(
                f"{path} is not a checkpoint of this recipe: delete it to start again, or choose "
                f"another `out` ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
            ) from error
        return True


def _set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value
