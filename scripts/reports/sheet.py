"""Draws sheets of real pictures at 100 %: what no figure says.

    cd FOLDER  # with weights/ of models that are not bundled
    python .../scripts/reports/sheet.py --data DIR --work FOLDER --out FOLDER [--photo A ...]

DIR holds ``RealSRSet`` and ``RealESRGAN_inputs``; ``inputs/`` are those of the repository. Only the
part that is shown is upscaled, with 32 px of the input around it. Results are kept in ``--work``. A
sheet has five rows; ``--rows`` takes some of them by number. The pictures' origin is not
known: do not publish the sheets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from results import SCALE, Results

from realesr.imaging.sheets import Cell, Row, draw_sheet, save_sheet, square_around
from realesr.media.images.decode import read_image

PHOTO = ("bicubic", "realesr-photo-x4", "realesr-general-x4v3", "RealESRGAN_x4plus")
DRAWING = (
    *("bicubic", "realesr-anime-x4", "realesr-animevideov3"),
    "RealESRGAN_x4plus_anime_6B",
)
INPUTS = Path(__file__).resolve().parents[2] / "inputs"
PLACES = (
    # Picture, and the center of the part that is shown, as a share of its sides.
    ("cat.jpg", 0.45, 0.4),
    ("coffee.jpg", 0.55, 0.55),
    ("RealSRSet/Lincoln.png", 0.48, 0.45),
    ("RealSRSet/building.png", 0.35, 0.6),
    ("RealSRSet/chip.png", 0.4, 0.5),
    ("RealSRSet/dog.png", 0.37, 0.3),
    ("RealSRSet/dped_crop00061.png", 0.3, 0.35),
    ("RealSRSet/frog.png", 0.38, 0.3),
    ("RealSRSet/oldphoto2.png", 0.5, 0.5),
    ("RealSRSet/oldphoto6.png", 0.62, 0.52),
    ("RealSRSet/pattern.png", 0.5, 0.48),
    ("RealSRSet/tiger.png", 0.7, 0.55),
    ("RealSRSet/ppt3.png", 0.25, 0.85),
    ("RealESRGAN_inputs/00017_gray.png", 0.22, 0.3),
    ("RealESRGAN_inputs/ADE_val_00000114.jpg", 0.2, 0.45),
    ("RealESRGAN_inputs/OST_009.png", 0.5, 0.5),
    ("RealESRGAN_inputs/wolf_gray.jpg", 0.5, 0.5),
    ("RealSRSet/comic2.png", 0.45, 0.45),
    ("RealSRSet/comic3.png", 0.5, 0.55),
    ("RealESRGAN_inputs/0030.jpg", 0.45, 0.27),
)
DRAWINGS = ("comic2", "comic3", "0030")
SIDE, MARGIN = 64, 32
"""Side of the part that is shown, and what is upscaled around it, px of the input."""
ROWS = 5


def cells(path: Path, x: float, y: float, models: list[str], results: Results) -> tuple[Cell, ...]:
    """Returns a part of a picture by each model."""
    pixels = read_image(path).pixels
    levels = (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8)
    shown = square_around(levels.shape, x, y, SIDE)
    tops = [max(0, part.start - MARGIN) for part in shown]
    around = levels[tops[0] : shown[0].stop + MARGIN, tops[1] : shown[1].stop + MARGIN]
    rows, columns = (
        slice((part.start - top) * SCALE, (part.stop - top) * SCALE)
        for part, top in zip(shown, tops, strict=True)
    )
    return tuple(Cell(results(model, around)[rows, columns]) for model in models)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--work", type=Path, required=True, help="folder where results are kept")
    parser.add_argument("--out", type=Path, required=True, help="folder of the sheets")
    parser.add_argument("--photo", nargs="+", default=PHOTO, help="models for photographs")
    parser.add_argument("--drawing", nargs="+", default=DRAWING, help="models for drawings")
    parser.add_argument("--rows", nargs="+", type=int, help="numbers of rows, from 1")
    args = parser.parse_args()
    kinds = [
        [
            (number, path, x, y)
            for number, (path, x, y) in enumerate(PLACES, 1)
            if (Path(path).stem in DRAWINGS) == is_drawing
            and (not args.rows or number in args.rows)
        ]
        for is_drawing in (False, True)
    ]
    for chosen, texts in zip(kinds, (args.photo, args.drawing), strict=True):
        results = Results(list(texts), args.work)
        for first in range(0, len(chosen), ROWS):
            part, rows = chosen[first : first + ROWS], []
            for number, name, x, y in part:
                path = (args.data if "/" in name else INPUTS) / name
                row = cells(path, x, y, results.names, results)
                rows.append(Row(row, f"{number}. {name}"))
            out = args.out / f"sheet-{part[0][0]:02}-{part[-1][0]:02}.jpg"
            save_sheet(draw_sheet(rows, results.names), out)
            print(out, flush=True)


if __name__ == "__main__":
    main()
