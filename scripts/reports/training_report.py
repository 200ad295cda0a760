"""Draws the validation curves of training runs, and prints the times of the parts of a step.

    python scripts/reports/training_report.py RUN [RUN ...] --out curves.png

RUN is the folder of a run, with its ``log.jsonl``. The report has a panel for each metric, with a
line for each level of damage; thin gray lines show bicubic interpolation.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

COLORS = {"clean": "#777777", "light": "#1f77b4", "medium": "#e08214", "heavy": "#b2182b"}
PANEL = (360, 240)
MARGIN = 46


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    runs = {run.name: read_log(run) for run in args.runs}
    for name, log in runs.items():
        print(f"{name}: {describe_time(log)}")
    metrics = [m for m in first_validation(runs) if m != "shift"]
    sheet = Image.new("RGB", (PANEL[0] * len(metrics), PANEL[1] * len(runs)), "white")
    for row, (name, log) in enumerate(runs.items()):
        for column, metric in enumerate(metrics):
            sheet.paste(panel(log, metric, name), (column * PANEL[0], row * PANEL[1]))
    sheet.save(args.out, optimize=True)


def read_log(run: Path) -> list[dict[str, Any]]:
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def first_validation(runs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Returns the names of the metrics of the first validation."""
    entry = next(e for log in runs.values() for e in log if "validation" in e)
    return list(next(iter(entry["validation"].values())))


def describe_time(log: list[dict[str, Any]]) -> str:
    """Returns the median seconds of each part of a step, over the lines of the log."""
    entries = [entry["seconds"] for entry in log if "seconds" in entry]
    parts = {part: [e[part] for e in entries if part in e] for part in entries[-1]}
    return ", ".join(f"{part} {statistics.median(v):.3f} s" for part, v in parts.items())


def panel(log: list[dict[str, Any]], metric: str, title: str) -> Image.Image:
    """Draws a metric over the steps."""
    lines = {
        level: [(e["step"], e["validation"][level][metric]) for e in log if "validation" in e]
        for level in next(e for e in log if "validation" in e)["validation"]
    }
    plain = {
        level: values[metric]
        for e in log
        if "bicubic" in e
        for level, values in e["bicubic"].items()
    }
    values = [v for points in lines.values() for _, v in points] + list(plain.values())
    low, high = min(values), max(values)
    last = max(step for points in lines.values() for step, _ in points) or 1
    width, height = (side - 1.4 * MARGIN for side in PANEL)

    def place(step: float, value: float) -> tuple[float, float]:
        share = (value - low) / ((high - low) or 1)
        return MARGIN + width * step / last, PANEL[1] - MARGIN / 1.4 - height * share

    image = Image.new("RGB", PANEL, "white")
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, 4), f"{title}: {metric}", fill="black")
    for value in (low, (low + high) / 2, high):
        y = place(0, value)[1]
        draw.line([(MARGIN, y), (MARGIN + width, y)], fill="#eeeeee")
        draw.text((4, y - 6), f"{value:.2f}", fill="black")
    for step in (0, last):
        draw.text((place(step, low)[0] - 12, PANEL[1] - 26), str(step), fill="black")
    for index, (level, points) in enumerate(lines.items()):
        color = COLORS.get(level, "black")
        if level in plain:
            y = place(0, plain[level])[1]
            draw.line([(MARGIN, y), (MARGIN + width, y)], fill="#bbbbbb")
        draw.line([place(*point) for point in points], fill=color, width=2)
        draw.text((MARGIN + 60 * index + 4, PANEL[1] - 14), level, fill=color)
    return image


if __name__ == "__main__":
    main()
