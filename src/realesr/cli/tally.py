"""Prints the result of blind ratings: scores, wins and strengths."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realesr.cli.printing import answer, answer_text
from realesr.errors import InvalidOptionError

if TYPE_CHECKING:
    from realesr.comparison.tally import Preferences, Tally


_OF_TALLY = ("tally", "json", "run", "verbose")


def refuse_beside_tally(args: argparse.Namespace, *, defaults: argparse.Namespace) -> None:
    """Refuses options that make a page, and would do nothing.

    Args:
        args: Parsed command line.
        defaults: The same of an empty one.

    Raises:
        InvalidOptionError: There is one.
    """
    for name, default in vars(defaults).items():
        if name not in _OF_TALLY and getattr(args, name) != default:
            word = "MODEL" if name == "entries" else "--" + name.replace("_", "-")
            raise InvalidOptionError(f"--tally counts answers, and makes no page: drop {word}")


def print_tally(paths: Sequence[Path], *, as_json: bool) -> int:
    """Prints what the answers in files say; returns the exit code.

    Raises:
        UnreadableMediaError: A file cannot be read, or holds no answers.
    """
    from realesr.comparison.ratings import read_answers
    from realesr.comparison.tally import tally

    result = tally(read_answers(paths))
    if as_json:
        answer_text(json.dumps(_as_json(result), indent=1))
        return 0
    answer(f"{result.raters} raters, {len(paths)} files")
    if result.scores:
        answer("")
        answer("mean opinion score, 1 to 5, with its 95 % interval")
        width = max(len(name) for name, _ in result.scores)
        for name, score in result.scores:
            half = "" if math.isnan(score.half_width) else f" +- {score.half_width:.2f}"
            answer(f"  {name:<{width}}  {score.mean:.2f}{half}  ({score.count} ratings)")
    if result.preferences is not None:
        _print_preferences(result.preferences)
    if not result.scores and result.preferences is None:
        answer("no answers")
    return 0


def _print_preferences(preferences: Preferences) -> None:
    entries, wins, fit = preferences.entries, preferences.wins, preferences.strengths
    order = sorted(range(len(entries)), key=lambda index: -fit.logs[index])
    width = max(map(len, entries))
    answer("")
    answer(f"wins of the row against the column ({preferences.ties} ties count half)")
    answer(" " * (width + 2) + "".join(f"{number + 1:>8}" for number in range(len(order))))
    for number, row in enumerate(order):
        cells = ["-" if row == column else f"{wins[row, column]:g}" for column in order]
        answer(f"{number + 1} {entries[row]:<{width}}" + "".join(f"{cell:>8}" for cell in cells))
    answer("")
    answer("strength (Bradley-Terry, natural logarithm, mean 0) with its 95 % interval,")
    answer("and the chance to be preferred to an average one")
    for index in order:
        chance = 1 / (1 + math.exp(-fit.logs[index]))
        answer(
            f"  {entries[index]:<{width}}  {fit.logs[index]:+.2f} +- "
            f"{fit.half_widths[index]:.2f}  {chance:4.0%}"
        )
    if preferences.has_prior:
        answer(
            "some have never lost: half a win was added for each against each, else no fit exists"
        )


def _as_json(result: Tally) -> dict[str, Any]:
    scores = [
        {
            "entry": name,
            "mean": score.mean,
            "half_width": None if math.isnan(score.half_width) else score.half_width,
            "ratings": score.count,
        }
        for name, score in result.scores
    ]
    preferences = None
    if result.preferences is not None:
        found = result.preferences
        preferences = {
            "entries": found.entries,
            "wins": found.wins.tolist(),
            "ties": found.ties,
            "log_strengths": found.strengths.logs.tolist(),
            "half_widths": found.strengths.half_widths.tolist(),
            "has_prior": found.has_prior,
        }
    return {"raters": result.raters, "scores": scores, "preferences": preferences}
