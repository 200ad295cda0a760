"""The figure of a degradation: the image after each step, with the parameters that were drawn."""

from __future__ import annotations

import textwrap

import numpy as np

from realesr.degradation.operations import ImageArray, quantize
from realesr.degradation.steps import Blur, Clamp, Jpeg, Step
from realesr.imaging.sheets import Cell, Levels, Row, draw_sheet, square_around

CELL = 232
"""Side of a cell, px."""
_LETTERS = 36
"""Number of letters that fit below a cell."""


class StepsFigure:
    """Collects the steps of a degradation and draws them, a row for each round.

    Every cell shows the same part of the scene at the same size, so that pixels grow as the image
    shrinks. Blurs show their kernel in a corner.

    Args:
        hr: The clean image, (H, W, 3) float32 RGB in [0, 1].
        name: Of the image.
    """

    def __init__(self, hr: ImageArray, name: str) -> None:
        self._span = min(1.0, CELL / hr.shape[0]), min(1.0, CELL / hr.shape[1])
        first = (name, f"{hr.shape[1]}x{hr.shape[0]} px")
        self._rows: list[list[Cell]] = [[Cell(self._part(hr), first)]]
        self._is_round_over = False

    def __call__(self, step: Step, image: ImageArray) -> None:
        """Adds a step: an observer of :func:`realesr.degradation.pipeline.degrade`."""
        if isinstance(step, Clamp):
            return
        if self._is_round_over:
            self._rows.append([])
        self._is_round_over = isinstance(step, Jpeg)
        part = self._part(image)
        if isinstance(step, Blur):
            part = _with_kernel(part, step)
        lines = (step.title, *textwrap.wrap(str(step), _LETTERS))
        self._rows[-1].append(Cell(part, lines))

    def finish(self, lr: ImageArray) -> Levels:
        """Adds the result, and returns the figure, (H, W, 3) uint8 RGB."""
        lines = ("result", f"{lr.shape[1]}x{lr.shape[0]} px")
        self._rows[-1].append(Cell(self._part(lr), lines))
        return draw_sheet([Row(tuple(cells)) for cells in self._rows])

    def _part(self, image: ImageArray) -> Levels:
        """Cuts the middle out of an image and upscales its pixels to the size of a cell."""
        height, width = image.shape[:2]
        y, x = (
            np.clip(np.floor((0.5 + (np.arange(CELL) / CELL - 0.5) * span) * side), 0, side - 1)
            for span, side in zip(self._span, (height, width), strict=True)
        )
        return np.asarray(quantize(image)[y.astype(int)[:, None], x.astype(int)[None]])


def _with_kernel(part: Levels, step: Blur) -> Levels:
    """Draws a kernel into the lower right corner, white where it is largest."""
    kernel = np.clip(step.kernel / step.kernel.max(), 0, 1) ** 0.5
    factor = max(1, CELL // 4 // len(kernel))
    drawn = np.kron(np.rint(kernel * 255).astype(np.uint8), np.ones((factor, factor), np.uint8))
    out = part.copy()
    rows, columns = square_around(out.shape, 1, 1, len(drawn) + 4)
    out[rows, columns] = 255
    out[rows.start + 2 : rows.stop - 2, columns.start + 2 : columns.stop - 2] = drawn[..., None]
    return out
