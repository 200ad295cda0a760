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
from realesr.reasons import reason_of
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
            reason = reason_of(error) if isinstance(error, OSError) else _plain(error)
            raise TrainingError(
                f"{path}: the checkpoint of step {self.step} cannot be written, {kept}: {reason}"
            ) from error

    def restore(self, path: Path) -> bool:
        """Restores a checkpoint; returns whether there was one.

        What the recipe says of optimizers holds, not what it said when the checkpoint was saved.
        The adaptive steps and the pool begin anew where the checkpoint has none.

        Raises:
            TrainingError: The checkpoint is damaged, or belongs to other networks.
        """
        if not path.exists():
            return False
        content = _read(path)
        difference = self._difference_to(content)
        if difference is not None:
            raise TrainingError(
                f"{path} belongs to another recipe: {difference}. Go on with its own recipe, or "
                "choose another `out`, where generator.init may be the weights of this run"
            )
        try:
            for name, part in self._parts().items():
                if content.get(name):  # a scaler that was not used has no state
                    _load(part, content[name])
            self.step = int(content["step"])
        except Exception as error:  # torch raises many types, depending on what does not fit
            raise _damaged(path, error) from error
        return True

    def _difference_to(self, content: Mapping[str, Any]) -> str | None:
        """Returns in words how the networks of a checkpoint differ from these; None if they fit."""
        if self.discriminator is None and "discriminator" in content:
            return "the checkpoint has a discriminator, the recipe has none"
        if self.discriminator is not None and "discriminator" not in content:
            return "the recipe has a discriminator, the checkpoint has none"
        for name, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            own = {} if network is None else network.state_dict()
            saved = content.get(name, {})
            for key in (*own, *saved):
                asked, kept = (_shape(state.get(key)) for state in (own, saved))
                if asked != kept:
                    return f"{key} of the {name} is {asked} in the recipe, {kept} in the checkpoint"
        return None


def _read(path: Path) -> dict[str, Any]:
    """Reads a checkpoint.

    Raises:
        TrainingError: It cannot be read, is damaged, or is none.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise TrainingError(f"{path}: {reason_of(error)}") from error
    with file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # of many types, depending on where a file is damaged
            raise _damaged(path, error) from error
    if not (isinstance(content, dict) and {"step", "generator", "optimizer", "ema"} <= {*content}):
        raise TrainingError(
            f"{path} is no checkpoint of a training: move it away, or choose another `out`"
        )
    return content


def _damaged(path: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"{path} is damaged or cut short: put a copy of it back, or delete it to start again, from "
        "the weights of the last validation if you set generator.init to them "
        f"({type(error).__name__}: {_plain(error)[:100]})"
    )


def _load(part: Any, state: Any) -> None:
    """Restores the state of a part; an optimizer keeps its own rates."""
    groups = part.param_groups if isinstance(part, torch.optim.Optimizer) else ()
    own = [{name: value for name, value in each.items() if name != "params"} for each in groups]
    part.load_state_dict(state)
    for group, values in zip(part.param_groups if own else (), own, strict=True):
        group.update(values)


def _shape(value: Tensor | None) -> str:
    return "missing" if value is None else "x".join(map(str, value.shape)) or "one number"


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())


def _set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value
