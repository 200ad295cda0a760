"""Contact sheets: rows of images with their names, for people who compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from realesr.errors import UnwritableMediaError
from realesr.outputs import whole_file

Levels = NDArray[np.uint8]

FONT_PX = 12
_LINE_PX = 16
_GAP_PX = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """An image of a sheet, (H, W, 3) uint8 RGB, and lines of text below it."""

    pixels: Levels
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a sheet, with a line of text above it."""

    cells: tuple[Cell, ...]
    title: str = ""


def draw_sheet(rows: Sequence[Row], columns: Sequence[str] = ()) -> Levels:
    """Draws a sheet on white.

    Args:
        rows: The rows; cells may differ in size, and all columns are as wide as the widest.
        columns: Titles of the columns, at the top.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    font = ImageFont.load_default(FONT_PX)
    width = max(cell.pixels.shape[1] for row in rows for cell in row.cells) + _GAP_PX
    count = max(len(row.cells) for row in rows)
    head = _LINE_PX + _GAP_PX if columns else 0
    height = head + sum(_height(row) for row in rows)
    sheet = PillowImage.new("RGB", (count * width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, title in enumerate(columns):
        draw.text((number * width + 2, 2), _fitted(title, width, font), "black", font)
    top = head
    for row in rows:
        at = top
        if row.title:
            draw.text((2, at), row.title, "black", font)
            at += _LINE_PX
        below = at + max(cell.pixels.shape[0] for cell in row.cells)
        for number, cell in enumerate(row.cells):
            sheet.paste(
                PillowImage.fromarray(np.ascontiguousarray(cell.pixels)), (number * width, at)
            )
            for index, line in enumerate(cell.lines):
                place = (number * width + 2, below + 1 + index * _LINE_PX)
                draw.text(place, _fitted(line, width, font), "black", font)
        top += _height(row)
    return np.asarray(sheet)


def _height(row: Row) -> int:
    tallest = max(int(cell.pixels.shape[0]) for cell in row.cells)
    lines = max(len(cell.lines) for cell in row.cells) + bool(row.title)
    return tallest + lines * _LINE_PX + _GAP_PX


def _fitted(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Returns the text, cut with an ellipsis if it is wider than its column, px."""
    while len(text) > 1 and font.getlength(text) > width - _GAP_PX:
        text = text[:-2].rstrip(" ,") + "…"
    return text


def save_sheet(sheet: Levels, path: Path) -> None:
    """Writes a sheet; the suffix decides the format. The file gets its name when it is complete.

    Raises:
        UnwritableMediaError: The format is unknown, or the file cannot be written.
    """
    name = PillowImage.registered_extensions().get(path.suffix.lower())
    if name is None or name not in PillowImage.SAVE:
        raise UnwritableMediaError(f"{path}: choose another suffix, such as .png, .jpg or .webp")
    options = {"quality": 93, "subsampling": 0} if name == "JPEG" else {}
    with whole_file(path) as file:
        PillowImage.fromarray(sheet).save(file, name, **options)


def square_around(shape: tuple[int, ...], x: float, y: float, side: int) -> tuple[slice, slice]:
    """Returns rows and columns of a square that lies inside an image.

    Args:
        shape: Height and width of the image, px.
        x: Where the middle of the square should be, as a share of the width.
        y: The same of the height.
        side: Of the square, px; it is cut to the image.
    """

    def span(length: int, share: float) -> slice:
        first = min(max(0, round(length * share) - side // 2), max(0, length - side))
        return slice(first, min(first + side, length))

    return span(shape[0], y), span(shape[1], x)
