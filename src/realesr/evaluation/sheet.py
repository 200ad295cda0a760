"""The sheet of an evaluation: the places where models differ most, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.evaluation.evaluate import Evaluation, kept_result
from realesr.evaluation.judges import bicubic
from realesr.evaluation.records import Record
from realesr.evaluation.sets import Levels, TestPicture, make_case
from realesr.imaging.sheets import Cell, Row, draw_sheet
from realesr.metrics.psnr import luma

SIDE = 96
"""Side of the part that is shown, px of the result."""
ZOOM = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A place where models differ.

    Attributes:
        picture: Name of picture and set.
        degradation: How the input was made.
        difference: Mean over the place of the deviation among models, 8-bit levels of luma.
        top: First row, px of the result.
        left: First column.
    """

    picture: TestPicture
    degradation: str
    difference: float
    top: int
    left: int


def find_places(evaluation: Evaluation, count: int) -> list[Place]:
    """Returns the places where models differ most, at most one of each picture.

    Sets and degradations take turns, so that one of them does not fill the sheet.
    """
    groups: dict[tuple[str, str], list[Place]] = {}
    kept = _Results(evaluation)
    for picture, degradation in evaluation.cases:
        results = kept.of(picture, degradation)
        if len(results) == len(evaluation.models):
            place = _place(picture, degradation, results)
            groups.setdefault((picture.set_name, degradation), []).append(place)
    for places in groups.values():
        places.sort(key=lambda place: -place.difference)
    sets = list(dict.fromkeys(set_name for set_name, _ in groups))
    levels = list(dict.fromkeys(level for _, level in groups))
    turns = [
        groups[name, levels[(number + turn) % len(levels)]]
        for turn in range(len(levels))
        for number, name in enumerate(sets)
        if (name, levels[(number + turn) % len(levels)]) in groups
    ]
    chosen: list[Place] = []
    taken: set[tuple[str, str]] = set()
    while len(chosen) < count and any(turns):
        for places in turns:
            while places:
                place = places.pop(0)
                name = place.picture.set_name, place.picture.name
                if name not in taken:
                    taken.add(name)
                    chosen.append(place)
                    break
            if len(chosen) == count:
                break
    return chosen


def draw_places(evaluation: Evaluation, places: Sequence[Place]) -> Levels:
    """Draws a row for each place: input, bicubic, models, and the original."""
    options = evaluation.options
    models = [name for name in evaluation.models if name != "bicubic"]
    rows = []
    kept = _Results(evaluation)
    for place in places:
        case = make_case(place.picture, place.degradation, scale=options.scale, seed=options.seed)
        results = kept.of(place.picture, place.degradation)
        like = next(iter(results.values()))
        shown = [
            np.kron(case.lr, np.ones((options.scale, options.scale, 1), np.uint8)),
            bicubic(case.lr, like),
            *(results[name] for name in models),
            *([] if case.hr is None else [case.hr]),
        ]
        cells = tuple(Cell(_zoomed(image, place)) for image in shown)
        rows.append(
            Row(
                cells,
                f"{place.picture.set_name}/{place.picture.name}, {place.degradation}, at "
                f"{place.left},{place.top} px",
            )
        )
    return draw_sheet(rows, ["input", "bicubic", *models, "original"])


class _Results:
    """The kept results of an evaluation; those that are gone, damaged or outdated are left out."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._output = evaluation.options.output
        self._records: dict[tuple[str, str, str], list[Record]] = {}
        for record in evaluation.records:
            place = record.set_name, record.degradation, record.picture
            self._records.setdefault(place, []).append(record)

    def of(self, picture: TestPicture, degradation: str) -> dict[str, Levels]:
        """Reads the results for a picture, by model."""
        records = self._records[picture.set_name, degradation, picture.name]
        found = {record.model: kept_result(self._output, record) for record in records}
        return {model: pixels for model, pixels in found.items() if pixels is not None}


def _place(picture: TestPicture, degradation: str, results: dict[str, Levels]) -> Place:
    planes = np.stack([luma(result) for result in results.values()])
    spread: NDArray[np.float64] = planes.std(axis=0)
    height, width = (min(SIDE, side) for side in spread.shape)
    # Means over all squares; each is anchored at its upper left corner.
    means = np.asarray(
        cv2.boxFilter(spread, -1, (width, height), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    )
    inside = means[: spread.shape[0] - height + 1, : spread.shape[1] - width + 1]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return Place(picture, degradation, float(inside.max()), int(top), int(left))


def _zoomed(image: Levels, place: Place) -> Levels:
    part = image[place.top : place.top + SIDE, place.left : place.left + SIDE]
    return np.kron(part, np.ones((ZOOM, ZOOM, 1), np.uint8))
