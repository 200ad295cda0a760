"""The training loop."""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from realesr.errors import TrainingError
from realesr.models.networks.base import SRNetwork
from realesr.models.networks.luma import for_rgb
from realesr.models.registry import describe
from realesr.reasons import reason_of
from realesr.training.batches import batches
from realesr.training.builders import (
    autocast_dtype,
    build_damage,
    build_dataset,
    build_generator,
    build_state,
    find_file,
)
from realesr.training.checks import check_network
from realesr.training.log import RunLog, StepTimer
from realesr.training.objective import Batch, build_objective
from realesr.training.recipe import Recipe
from realesr.training.schedule import learning_rate
from realesr.training.state import TrainingState
from realesr.training.teaching import live_teacher, mix_targets, prepare_teacher
from realesr.training.validation import build_validator
from realesr.weights.torch_checkpoint import save_weights


@dataclass(frozen=True, slots=True)
class Reporter:
    """Callbacks that report the progress of a run.

    Attributes:
        message: Receives sentences.
        start: Receives the number of finished steps and of all steps.
        step: Receives the number of finished steps, of all steps, and the losses since the last
            call.
        stop: Returns, after every step, whether to save and stop.
    """

    message: Callable[[str], None] = lambda text: None
    start: Callable[[int, int], None] = lambda done, total: None
    step: Callable[[int, int, dict[str, float]], None] = lambda done, total, losses: None
    stop: Callable[[], bool] = lambda: False


def train(
    recipe: Recipe,
    *,
    data_root: Path,
    folder: Path,
    device: torch.device,
    workers: int = 1,
    reporter: Reporter = Reporter(),
) -> Path | None:
    """Trains until ``schedule.total_steps``; resumes from ``last.ckpt`` if it exists.

    Args:
        recipe: The recipe of the run.
        data_root: Folder that the recipe's paths are relative to.
        folder: Receives checkpoint, log, contact sheets and weights.
        device: Device of the networks.
        workers: Number of processes that make patches.
        reporter: Callbacks that report progress.

    Returns:
        The moving average, ``folder/<name>.safetensors`` in float16; None if the run was stopped.

    Raises:
        RealesrError: The data cannot be read, a loss is no longer a number, or a file cannot be
            written. The last checkpoint is intact.
    """
    torch.manual_seed(recipe.seed)
    find = partial(find_file, data_root=data_root)
    generator = build_generator(recipe.generator, scale=recipe.scale, find=find)
    check_network(recipe, generator)
    state = build_state(recipe, generator, find=find, device=device)
    objective = build_objective(
        recipe.losses,
        find=find,
        device=device,
        discriminator=state.discriminator,
        average=state.ema.network,
    )
    log, timer = RunLog(folder, is_writer=state.world.is_first), StepTimer()
    checkpoint = folder / "last.ckpt"
    first_network = copy.deepcopy(state.ema.network)
    is_resumed = state.restore(checkpoint)
    validate = _make_validation(recipe, state, first_network, log, folder, find, data_root, device)
    stream = _make_batches(recipe, state, find, data_root, folder, workers, reporter, device)
    folder.mkdir(parents=True, exist_ok=True)  # what is wrong with the recipe is known by now
    if not (is_resumed and log.has_validation(state.step)):  # a stop comes before it
        validate()
    stream = _saving_on_failure(stream, partial(_save, state, log, checkpoint))
    schedule, dtype = recipe.schedule, autocast_dtype(recipe.precision, device)
    autocast = partial(torch.autocast, device.type, dtype=dtype, enabled=dtype != torch.float32)
    rates = _highest_rates(recipe)
    hold = recipe.discriminator.warmup_steps if recipe.discriminator else 0
    reporter.message(f"step {state.step} of {schedule.total_steps}, {dtype}, on {device}")
    reporter.start(state.step, schedule.total_steps)
    started, first = time.monotonic(), state.step

    for batch in timer.timed("data", stream):
        is_held = state.step < hold
        factors = [
            learning_rate(
                max(0, state.step - first_step),
                warmup_steps=schedule.warmup_steps,
                decay_steps=schedule.decay_steps,
                total_steps=schedule.total_steps - first_step,
                milestones=schedule.milestones,
                milestone_factor=schedule.milestone_factor,
            )
            for first_step in (hold, 0)
        ]
        state.set_learning_rates(factors[0] * rates[0], factors[1] * rates[1])
        if schedule.freeze_norms is not None and state.step >= schedule.freeze_norms:
            state.ema.freeze_norms(state.generator)
        with timer("forward"), autocast(), torch.set_grad_enabled(not is_held):
            sr = state.generator(batch.lr)
        losses: dict[str, Tensor] = {}
        if not is_held:
            with timer("losses"), autocast():
                losses = objective.generator(sr, batch)
            with timer("backward"):
                state.update_generator(losses)
        if state.discriminator is not None and (is_held or _may_learn(state, losses)):
            with timer("discriminator"):
                with autocast():
                    real_or_fake = objective.discriminator(sr, batch)
                state.update_discriminator(real_or_fake)
            losses |= real_or_fake
        state.ema.update(state.generator, state.step)
        state.step += 1
        log.add(losses)

        if state.step % recipe.log_every == 0:
            means = log.means(state.step)
            speed = (state.step - first) / (time.monotonic() - started)
            log.write(
                state.step,
                losses=means,
                learning_rate=factors[0] * rates[0],
                seconds=timer.means(),
                steps_per_hour=round(speed * 3600),
            )
            reporter.step(state.step, schedule.total_steps, means)
        is_stopped = state.world.any(reporter.stop(), device)
        if is_stopped or state.step % recipe.save_every == 0:
            _save(state, log, checkpoint)
        if is_stopped:
            log.close()
            state.world.close()
            return None
        validate()
    _save(state, log, checkpoint)
    weights = folder / f"{recipe.name}.safetensors"
    if state.world.is_first:
        save_average(state, recipe, weights)
    log.close()
    state.world.close()
    return weights


def save_average(state: TrainingState, recipe: Recipe, path: Path) -> None:
    """Writes the moving average in float16, with the recipe and the step as metadata.

    Raises:
        TrainingError: The file cannot be written; what it was before stays.
    """
    try:
        save_weights(
            state.ema.network.state_dict(),
            path,
            dtype=torch.float16,
            recipe=json.dumps(dataclasses.asdict(recipe)),
            step=str(state.step),
            **describe(cast(SRNetwork, state.ema.network).config),
        )
    except OSError as error:
        raise TrainingError(f"{path}: {reason_of(error)}") from error


def _save(state: TrainingState, log: RunLog, checkpoint: Path) -> None:
    """Saves a checkpoint, unless a loss is not finite."""
    log.check(state.step)
    if state.world.is_first:
        state.save(checkpoint)


def _may_learn(state: TrainingState, losses: Mapping[str, Tensor]) -> bool:
    """Decides for all processes together: the others would wait for one that skips its step."""
    if state.adaptive is None:
        return True
    loss = losses["gan"]
    return state.world.any(state.adaptive.allows(loss.item()), loss.device)


def _highest_rates(recipe: Recipe) -> tuple[float, float]:
    """Returns the highest learning rates of generator and discriminator."""
    rate = recipe.schedule.learning_rate
    own = recipe.discriminator.learning_rate if recipe.discriminator else None
    return rate, rate if own is None else own


def _saving_on_failure(stream: Iterator[Batch], save: Callable[[], None]) -> Iterator[Batch]:
    """Yields the batches; saves a checkpoint first if the next batch raises an error."""
    while True:
        try:
            batch = next(stream)
        except StopIteration:
            return
        except Exception:
            save()
            raise
        yield batch


def _make_batches(
    recipe: Recipe,
    state: TrainingState,
    find: Callable[[str], Path],
    data_root: Path,
    folder: Path,
    workers: int,
    reporter: Reporter,
    device: torch.device,
) -> Iterator[Batch]:
    outputs, teach = None, None
    if recipe.teacher is not None and device.type != "cpu":
        dtype = autocast_dtype(recipe.precision, device)
        teach = live_teacher(recipe, find(recipe.teacher.model), device, dtype)
    elif recipe.teacher is not None:

        def report(done: int, total: int) -> None:
            reporter.message(f"teacher: {done} of {total} patches")

        outputs = prepare_teacher(
            recipe, data_root=data_root, folder=folder, find=find, on_progress=report
        )
    return batches(
        build_dataset(recipe, data_root=data_root, teacher=outputs),
        start=state.step,
        stop=recipe.schedule.total_steps,
        batch_size=recipe.data.batch_size,
        device=device,
        workers=workers,
        world=state.world,
        pool=state.pool,
        mix=partial(mix_targets, recipe.teacher, recipe.scale),
        damage=build_damage(recipe, rank=state.world.rank),
        teacher=teach,
        is_luma=cast(SRNetwork, state.generator).channels == 1,
    )


def _make_validation(
    recipe: Recipe,
    state: TrainingState,
    first_network: nn.Module,
    log: RunLog,
    folder: Path,
    find: Callable[[str], Path],
    data_root: Path,
    device: torch.device,
) -> Callable[[], None]:
    """Returns a function that validates where a validation is due.

    It also saves the moving average and draws a contact sheet. The log is written last: what it
    holds need not be made again.
    """
    config = recipe.validation
    if config is None or not state.world.is_first:
        return lambda: None
    validator = build_validator(
        config, data_root=data_root, find=find, scale=recipe.scale, device=device
    )
    bicubic = validator.bicubic()

    def validate() -> None:
        if state.step % config.every:
            return
        now = validator.network(for_rgb(state.ema.network))
        if state.step == 0:
            log.write(0, bicubic=validator.measure(bicubic))
        measured = validator.measure(now)
        save_average(state, recipe, folder / f"{recipe.name}.safetensors")
        if config.sheet:
            columns = {
                "bicubic": bicubic,
                "step 0": validator.network(for_rgb(first_network)),
                f"step {state.step}": now,
            }
            validator.sheet(columns, config.sheet, folder / f"sheets/{state.step:07}.jpg")
        log.write(state.step, validation=measured)

    return validate
