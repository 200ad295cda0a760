"""The figures of an evaluation as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from realesr.evaluation.evaluate import Evaluation
from realesr.evaluation.options import HIGHER_IS_BETTER
from realesr.evaluation.records import Record
from realesr.evaluation.statistics import Mean, mean_of
from realesr.outputs import whole_file

REPORT, MEANS, TABLE, EVERYTHING = "report.md", "means.csv", "pictures.csv", "report.json"

_DIGITS = {"psnr": 2, "psnr-rgb": 2, "ssim": 4, "ssim-rgb": 4, "ms-ssim": 4, "lpips": 4, "dists": 4}
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Line:
    """The means of a model on a set with a degradation.

    Attributes:
        set_name: Name of the set.
        degradation: How the inputs were made.
        model: Name of the model.
        means: By metric; over the pictures that have a value for all models.
        seconds: Mean time for a picture, s; NaN if all failed.
        peak_bytes: Largest memory of the model's process, bytes; 0 if all failed.
        failed: Number of pictures that failed.
    """

    set_name: str
    degradation: str
    model: str
    means: dict[str, Mean]
    seconds: float
    peak_bytes: int
    failed: int


def summarize(evaluation: Evaluation) -> list[Line]:
    """Returns a line for each set, degradation and model, in the order of the evaluation."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in evaluation.records:
        groups.setdefault((record.set_name, record.degradation), []).append(record)
    lines = []
    for (set_name, degradation), records in groups.items():
        common = {
            metric: _common_pictures(records, metric, evaluation.models)
            for metric in evaluation.options.metrics
        }
        for model in evaluation.models:
            own = [record for record in records if record.model == model]
            done = [record for record in own if record.seconds is not None]
            means = {
                metric: mean_of([r.values[metric] for r in done if r.picture in pictures])
                for metric, pictures in common.items()
                if pictures
            }
            seconds = [record.seconds for record in done if record.seconds is not None]
            lines.append(
                Line(
                    set_name,
                    degradation,
                    model,
                    means,
                    math.fsum(seconds) / len(seconds) if seconds else math.nan,
                    max((record.peak_bytes or 0 for record in done), default=0),
                    len(own) - len(done),
                )
            )
    return lines


def _common_pictures(records: Sequence[Record], metric: str, models: Sequence[str]) -> set[str]:
    having = [{r.picture for r in records if r.model == m and metric in r.values} for m in models]
    return set.intersection(*having)


def write_reports(evaluation: Evaluation, version: str) -> Path:
    """Writes all reports into the output folder; returns the path of the Markdown.

    Args:
        evaluation: What was found.
        version: Of this package.

    Raises:
        UnwritableMediaError: A file cannot be written.
    """
    lines = summarize(evaluation)
    folder = evaluation.options.output
    for name, text in (
        (REPORT, "\n".join(_markdown(evaluation, lines, version)) + "\n"),
        (MEANS, _means(lines)),
        (TABLE, _pictures(evaluation)),
        (EVERYTHING, _everything(evaluation, lines, version)),
    ):
        with whole_file(folder / name) as file:
            file.write(text.encode(errors="backslashreplace"))
    return folder / REPORT


def _markdown(evaluation: Evaluation, lines: Sequence[Line], version: str) -> Iterator[str]:
    metrics = evaluation.options.metrics
    yield (
        f"realesr {version}, {machine()}; x{evaluation.options.scale}, border of "
        f"{evaluation.options.border} px left out. Means with 95 % bootstrap intervals over "
        "pictures; the best of a column is bold."
    )
    before = None
    for line in lines:
        here = line.set_name, line.degradation
        if here != before:
            peers = [each for each in lines if (each.set_name, each.degradation) == here]
            count = max((m.count for each in peers for m in each.means.values()), default=0)
            yield f"\n### {line.set_name}, {line.degradation} ({count} pictures)\n"
            heads = [_head(metric) for metric in metrics]
            yield f"| Model | {' | '.join(heads)} | s | MiB |"
            yield f"|---|{'---|' * (len(heads) + 2)}"
            before = here
        cells = [_cell(metric, line, peers) for metric in metrics]
        name = line.model + (f" ({line.failed} failed)" if line.failed else "")
        seconds = "-" if math.isnan(line.seconds) else f"{line.seconds:.2f}"
        yield f"| {name} | {' | '.join(cells)} | {seconds} | {line.peak_bytes / _MIB:.0f} |"


def _head(metric: str) -> str:
    return f"{metric} {'↑' if metric in HIGHER_IS_BETTER else '↓'}"


def _cell(metric: str, line: Line, peers: Sequence[Line]) -> str:
    mean = line.means.get(metric)
    if mean is None:
        return "-"
    digits = _DIGITS.get(metric, 3)
    best = max if metric in HIGHER_IS_BETTER else min
    text = f"{mean.value:.{digits}f}"
    if text == f"{best(peer.means[metric].value for peer in peers):.{digits}f}":
        text = f"**{text}**"
    return f"{text} [{mean.low:.{digits}f}, {mean.high:.{digits}f}]"


def _means(lines: Sequence[Line]) -> str:
    return _table(
        {
            "set": line.set_name,
            "degradation": line.degradation,
            "model": line.model,
            "metric": metric,
            **{
                name: f"{value:.6g}"
                for name, value in asdict(mean).items()
                if name in ("value", "low", "high")
            },
            "pictures": mean.count,
            "seconds": f"{line.seconds:.4g}",
            "peak_bytes": line.peak_bytes,
        }
        for line in lines
        for metric, mean in line.means.items()
    )


def _pictures(evaluation: Evaluation) -> str:
    return _table(
        {
            "set": record.set_name,
            "degradation": record.degradation,
            "picture": record.picture,
            "model": record.model,
            **{metric: record.values.get(metric, "") for metric in evaluation.options.metrics},
            "seconds": record.seconds,
            "peak_bytes": record.peak_bytes,
            "error": record.error or "",
        }
        for record in evaluation.records
    )


def _table(rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    return text.getvalue()


def _everything(evaluation: Evaluation, lines: Sequence[Line], version: str) -> str:
    found = {
        "version": version,
        "machine": machine(),
        "options": asdict(evaluation.options),
        "means": [_finite(asdict(line)) for line in lines],
        "pictures": [_finite(asdict(record)) for record in evaluation.records],
    }
    return json.dumps(found, indent=1, default=str)


def _finite(value: Any) -> Any:
    """Replaces infinity and NaN, which JSON does not know, by words."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "infinite"
    return value


def machine() -> str:
    """Returns processor, number of cores and system of this machine, in a few words."""
    name = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"
