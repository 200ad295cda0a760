"""A sheet: one image with the same parts as several models show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from realesr.imaging.alpha import composite
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.outputs import whole_file

_GAP = 8
_CAPTION = 26
_FONT = 16
_BACK, _FRONT = (255, 255, 255), (30, 30, 30)
_QUALITY = 92

Column = tuple[str, Sequence[Image]]
"""A caption, and the parts from top to bottom."""


def make_sheet(columns: Sequence[Column]) -> PillowImage.Image:
    """Lays columns side by side, below their captions.

    Args:
        columns: Columns of equally many parts. In a row all have the size of the largest: smaller
            ones, such as the input's, are upscaled without smoothing.

    Raises:
        ValueError: There are no columns, or they differ in length.
    """
    parts = [[_as_pillow(part) for part in column] for _, column in columns]
    if not parts or len({len(column) for column in parts}) != 1:
        raise ValueError("columns must have equally many parts")
    rows = list(zip(*parts, strict=True))
    sizes = [(max(part.width for part in row), max(part.height for part in row)) for row in rows]
    width = max(size[0] for size in sizes)
    height = sum(size[1] + _GAP for size in sizes)
    sheet = PillowImage.new("RGB", (_GAP + len(columns) * (width + _GAP), _CAPTION + height), _BACK)
    draw = ImageDraw.Draw(sheet)
    for number, (caption, _) in enumerate(columns):
        x, y = _GAP + number * (width + _GAP), _CAPTION
        draw.text((x, 4), _shortened(draw, caption, width), _FRONT, ImageFont.load_default(_FONT))
        for row, size in zip(rows, sizes, strict=True):
            part = row[number]
            if part.size != size:
                part = part.resize(size, PillowImage.Resampling.NEAREST)
            sheet.paste(part, (x, y))
            y += size[1] + _GAP
    return sheet


def write_sheet(sheet: PillowImage.Image, path: Path) -> None:
    """Writes a sheet; it gets its name when it is complete.

    Args:
        sheet: The sheet.
        path: The destination, whose suffix is that of JPEG or PNG.

    Raises:
        UnwritableMediaError: The file cannot be written.
    """
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    with whole_file(path) as file:
        sheet.save(file, format=kind, quality=_QUALITY)


def _as_pillow(image: Image) -> PillowImage.Image:
    if image.alpha is not None:
        image = composite(image)
    return PillowImage.fromarray(convert_depth(image.pixels, np.dtype(np.uint8)))


def _shortened(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    font = ImageFont.load_default(_FONT)
    while text and draw.textlength(text, font) > width:
        text = text[:-2]
    return text
