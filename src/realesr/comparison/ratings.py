"""Reads the answers that blind pages export."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from realesr.errors import UnreadableMediaError

FORMAT = "realesr-ratings"
VERSION = 1
GRADES = (1, 2, 3, 4, 5)
"""The absolute category ratings of ITU-T P.910: bad, poor, fair, good, excellent."""
Side = Literal["left", "none", "right"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A grade, 1 to 5, of an entry's result."""

    rater: str
    image: str
    entry: str
    grade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """The better one of two results."""

    rater: str
    image: str
    left: str
    right: str
    preferred: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All answers of several files; of a rater who has answered twice, the last answer.

    Attributes:
        entries: Names of the entries that pages have shown, in order.
        ratings: Grades.
        preferences: Choices.
        raters: Names of the raters; those without a name are told apart by their files.
    """

    entries: tuple[str, ...]
    ratings: tuple[Rating, ...]
    preferences: tuple[Preference, ...]
    raters: tuple[str, ...]


def read_answers(paths: Iterable[Path]) -> Answers:
    """Reads exported answers.

    Args:
        paths: The files.

    Raises:
        UnreadableMediaError: A file cannot be read, or holds no answers.
    """
    entries: dict[str, None] = {}
    raters: dict[str, None] = {}
    ratings: dict[tuple[str, ...], Rating] = {}
    preferences: dict[tuple[str, ...], Preference] = {}
    for path in paths:
        content = _read(path)
        try:
            rater = str(content["rater"]).strip() or f"({path})"
            page = str(content["page"])
            raters.setdefault(rater)
            entries.update(dict.fromkeys(map(str, content["entries"])))
            for answer in content["answers"]:
                _check(answer, content["entries"])
                place = (page, rater, str(answer["image"]))
                if content["asked"] == "pairs":
                    choice = _preference(answer, rater)
                    preferences[*place, *sorted((choice.left, choice.right))] = choice
                else:
                    rating = _rating(answer, rater)
                    ratings[*place, rating.entry] = rating
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableMediaError(
                f"{path}: damaged, or not the answers of a page of `realesr compare` with `blind`: "
                f"{type(error).__name__} {error}"
            ) from error
    return Answers(
        entries=tuple(entries),
        ratings=tuple(ratings.values()),
        preferences=tuple(preferences.values()),
        raters=tuple(raters),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableMediaError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UnreadableMediaError(f"{path}: no JSON, or cut short: {error}") from error
    except RecursionError as error:
        raise UnreadableMediaError(f"{path}: is nested too deeply for answers") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UnreadableMediaError(
            f"{path}: not the answers of a page of `realesr compare` with `blind`"
        )
    if content.get("version") != VERSION:
        raise UnreadableMediaError(f"{path}: of version {content.get('version')}, not {VERSION}")
    return content


def _check(answer: dict[str, Any], entries: list[str]) -> None:
    for name in ("entry", "left", "right"):
        if name in answer and answer[name] not in entries:
            raise ValueError(f"{answer[name]!r} is no entry")


def _rating(answer: dict[str, Any], rater: str) -> Rating:
    grade = answer["rating"]
    if grade not in GRADES:
        raise ValueError(f"rating {grade!r} is not 1 to 5")
    return Rating(
        rater=rater, image=str(answer["image"]), entry=str(answer["entry"]), grade=int(grade)
    )


def _preference(answer: dict[str, Any], rater: str) -> Preference:
    preferred = answer["preferred"]
    if preferred not in ("left", "none", "right"):
        raise ValueError(f"preferred {preferred!r} is not left, none or right")
    return Preference(
        rater=rater,
        image=str(answer["image"]),
        left=str(answer["left"]),
        right=str(answer["right"]),
        preferred=preferred,
    )
