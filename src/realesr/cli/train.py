"""``realesr train``: trains a network from a recipe."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from realesr.cli.printing import answer, printable, tell
from realesr.cli.process import keep_memory
from realesr.cli.signals import ending_signals
from realesr.errors import InvalidOptionError
from realesr.options import UpscaleOptions
from realesr.overwriting import refuse_overwriting, refuse_within

EXAMPLES = """\
examples:
  realesr train recipe.toml --data DIR --out RUN
  realesr train recipe.toml --data DIR --out RUN --set schedule.total_steps=20000
  torchrun --nproc-per-node 2 -m realesr train recipe.toml --data DIR --out RUN
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "train",
        help="train a network from a recipe",
        description="Trains a network from a TOML recipe. The same command goes on where a run "
        "stopped; Ctrl-C saves first. Writes last.ckpt, log.jsonl, contact sheets and, at the "
        "end, the weights into --out.",
        epilog=EXAMPLES,
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="TOML file, or a bundled name")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder of the recipe's paths"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change a value of the recipe, such as data.batch_size=8, or take it away (KEY=); may "
        "be repeated",
    )
    parser.add_argument(
        "--perceptual-weights",
        metavar="FILE",
        help="parameters of SqueezeNet or VGG19, for the losses of the recipe that need them",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: auto)")
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes that make patches (default: 1)",
    )
    parser.set_defaults(run=run, ends_by_itself=True)


def run(args: argparse.Namespace) -> int:
    """Trains; returns the exit code.

    Raises:
        RealesrError: The run cannot start or continue.
    """
    import torch

    from realesr.engine.device import resolve_device
    from realesr.training.loop import Reporter, train
    from realesr.training.recipe_files import bundled_recipe, load_recipe, with_feature_weights

    keep_memory()
    recipe = load_recipe(bundled_recipe(args.recipe), args.overrides)
    if args.perceptual_weights is not None:
        recipe = with_feature_weights(recipe, args.perceptual_weights)
    init = recipe.generator.init
    mixed = (init, None) if init is None or isinstance(init, str) else (init.weights, init.mix)
    starts = [place / each for each in mixed if each for place in (Path(), args.data)]
    refuse_overwriting("the result", args.out / f"{recipe.name}.safetensors", starts)
    pictures = [source.path for source in recipe.data.sources]
    pictures += [recipe.validation.images] if recipe.validation else []
    refuse_within(args.out, ((path, args.data / path) for path in pictures), "`out`")
    device = resolve_device(UpscaleOptions(device=args.device).device)
    if args.workers < 0:
        raise InvalidOptionError(f"`workers` {args.workers}: must be 0 or more")
    with _stop_signals() as stopped, _bar(recipe.schedule.total_steps) as bar:

        def start(done: int, total: int) -> None:
            bar.reset(total)
            bar.initial = bar.n = bar.last_print_n = done

        def show(done: int, total: int, losses: dict[str, float]) -> None:
            bar.update(done - bar.n)
            bar.set_postfix({name: f"{value:.4f}" for name, value in losses.items()})

        weights = train(
            recipe,
            data_root=args.data,
            folder=args.out,
            device=torch.device(device),
            workers=args.workers,
            reporter=Reporter(
                message=lambda text: bar.write(printable(text), file=sys.stderr),
                start=start,
                step=show,
                stop=lambda: bool(stopped),
            ),
        )
    if weights is None:
        tell("realesr: saved; the same command goes on from here")
        return 130
    answer(weights)
    return 0


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collects the signals that end a run; a second one interrupts at once."""
    received: list[int] = []

    def note(number: int, _frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        tell("realesr: finishing the step, then saving")

    previous = {each: signal.signal(each, note) for each in ending_signals()}
    try:
        yield received
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    from tqdm import tqdm

    with tqdm(total=total, unit="step", file=sys.stderr, dynamic_ncols=True, smoothing=0.05) as bar:
        yield bar
