"""``realesr models``: what can be asked for by name."""

from __future__ import annotations

import argparse

from realesr.errors import MissingWeightsError
from realesr.models.catalog import MODELS, ModelSpec, find_weights


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its verbs."""
    parser = commands.add_parser("models", help="list the models")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verbs.add_parser("list", help="name, scale, licence, place and domain of each model")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each model; returns the exit code."""
    rows = [("NAME", "SCALE", "LICENCE", "MADE FOR", "WEIGHTS"), *map(_row, MODELS)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(spec: ModelSpec) -> tuple[str, ...]:
    try:
        place = str(find_weights(spec))
    except MissingWeightsError:
        place = "missing"
    return spec.name, f"x{spec.scale}", spec.licence, spec.domain, place
