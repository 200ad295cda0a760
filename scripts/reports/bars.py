"""Says which bars of the shipped weights hold, and by how much, from what was evaluated.

    realesr evaluate --sets CID22val Set5 Set14 --degradations bicubic light medium heavy ... -o A
    realesr evaluate --sets RealSRSet inputs --degradations none --metrics niqe shift ... -o B
    python scripts/reports/bars.py A B [--official realesr-animevideov3 ...]

Reads the journals of ``realesr evaluate``, also of runs that have not ended, and prints tables in
Markdown. Differences are of the same pictures, in brackets with their bootstrap interval of 95 %.
What has not been measured is left out, and says nothing about its bar.

* faithful: PSNR and SSIM above bicubic, the official model, and the mean of the two at each level
  of damage; on inputs by the bicubic filter, 1.5 dB above bicubic on Set5 and 1 dB on Set14.
* crisp: PSNR not below the official model; SqueezeNet's distance at most 0.95 of its, and
  EfficientNet-Lite0's at most 1, at light and medium damage; NIQE at most 1.05 of its.
* shift of mean color: at most 0.3 levels on every picture.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from realesr.evaluation.records import RECORDS
from realesr.evaluation.statistics import Mean, mean_of

Case = tuple[str, str]
"""Set and degradation."""

DAMAGES = ("light", "medium", "heavy")
CLEAN = {"Set5": 1.5, "Set14": 1.0}
"""Least gain over bicubic, dB, where inputs were made by MATLAB's bicubic filter."""
RATIOS = {"squeezenet": 0.95, "efficientnet-lite0": 1.0, "niqe": 1.05}
JUDGED = {
    "light": ("squeezenet", "efficientnet-lite0"),
    "medium": ("squeezenet", "efficientnet-lite0"),
    "none": ("niqe",),
}
"""Where ratios are bars."""
SHIFT = 0.3


class Measured:
    """Values of pictures by case, metric and model."""

    def __init__(self, folders: list[Path]) -> None:
        self._values: dict[tuple[Case, str, str], dict[str, float]] = defaultdict(dict)
        self.cases: list[Case] = []
        for folder in folders:
            for line in (folder / RECORDS).read_text(encoding="utf-8").splitlines():
                record = json.loads(line) if line else {}
                case = record.get("set_name", ""), record.get("degradation", "")
                if record.get("values") and case not in self.cases:
                    self.cases.append(case)
                for metric, value in record.get("values", {}).items():
                    self._values[case, metric, record["model"]][record["picture"]] = value

    def of(self, case: Case, metric: str, *models: str) -> list[list[float]]:
        """Returns the values of each model on the pictures that all of them have."""
        found = [self._values.get((case, metric, model), {}) for model in models]
        common = [name for name in found[0] if all(name in each for each in found)]
        return [[each[name] for name in common] for each in found]

    def gain(self, case: Case, metric: str, one: str, other: str) -> Mean | None:
        """Returns how much larger the values of one model are, or None without any."""
        first, second = self.of(case, metric, one, other)
        return mean_of([a - b for a, b in zip(first, second, strict=True)]) if first else None


def faithful(found: Measured, ours: str, others: list[str]) -> Iterator[str]:
    yield f"| Set, damage | | {ours} | {' | '.join(f'over {name}' for name in others)} | holds |"
    yield "|---|---|---|" + "---|" * len(others) + "---|"
    for case in found.cases:
        for metric, digits in (("psnr", 2), ("ssim", 4)):
            gains = [found.gain(case, metric, ours, other) for other in others]
            if gains[0] is None or case[1] not in (*DAMAGES, "bicubic"):
                continue
            least = CLEAN.get(case[0], 0.0) if case[1] == "bicubic" and metric == "psnr" else 0.0
            judged = gains[:1] if case[1] == "bicubic" else [gain for gain in gains if gain]
            holds = all(gain.value > least for gain in judged)
            mean = mean_of(found.of(case, metric, ours)[0])
            cells = " | ".join(_signed(gain, digits) for gain in gains)
            name = f"{case[0]} ({mean.count}), {case[1]}"
            yield f"| {name} | {metric} | {mean.value:.{digits}f} | {cells} | {_word(holds)} |"


def crisp(found: Measured, ours: str, official: str) -> Iterator[str]:
    heads = " | ".join(f"{name}, bar {bar}" for name, bar in RATIOS.items())
    yield f"| Set, damage | PSNR over {official} | {heads} | holds |"
    yield "|---|---|" + "---|" * len(RATIOS) + "---|"
    for case in found.cases:
        gain = found.gain(case, "psnr", ours, official)
        holds = {"psnr": gain.value >= 0} if gain else {}
        cells = [_signed(gain, 2)]
        for metric, bar in RATIOS.items():
            first, second = found.of(case, metric, ours, official)
            cells.append(f"{sum(first) / sum(second):.3f}" if first else "-")
            if first and metric in JUDGED.get(case[1], ()):
                holds[metric] = sum(first) <= bar * sum(second)
        if holds:
            word = _word(all(holds.values()))
            missing = set(JUDGED.get(case[1], ())) - set(holds)
            word += f", without {', '.join(sorted(missing))}" if missing else ""
            yield f"| {', '.join(case)} | {' | '.join(cells)} | {word} |"


def shift(found: Measured, models: list[str]) -> Iterator[str]:
    yield f"| Set, damage | {' | '.join(models)} |"
    yield "|---|" + "---|" * len(models)
    for case in found.cases:
        values = [found.of(case, "shift", model)[0] for model in models]
        cells = [
            f"{sum(v) / len(v):.2f}, at most {max(v):.2f}{'' if max(v) <= SHIFT else ' **fails**'}"
            if v
            else "-"
            for v in values
        ]
        if any(values):
            yield f"| {', '.join(case)} | {' | '.join(cells)} |"


def _signed(gain: Mean | None, digits: int) -> str:
    if gain is None:
        return "-"
    return f"{gain.value:+.{digits}f} [{gain.low:+.{digits}f}, {gain.high:+.{digits}f}]"


def _word(holds: bool) -> str:
    return "yes" if holds else "**no**"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, help="outputs of realesr evaluate")
    parser.add_argument("--faithful", default="realesr-photo-x4-faithful", help="(%(default)s)")
    parser.add_argument("--crisp", default="realesr-photo-x4", help="(%(default)s)")
    parser.add_argument("--official", default="realesr-general-x4v3", help="(%(default)s)")
    args = parser.parse_args()
    found = Measured(args.folders)
    others = ["bicubic", args.official, f"0.5*{args.official}+0.5*bicubic"]
    for title, lines in (
        ("Faithful", faithful(found, args.faithful, others)),
        ("Crisp", crisp(found, args.crisp, args.official)),
        ("Shift of mean color, levels", shift(found, [args.faithful, args.crisp, args.official])),
    ):
        print(f"\n### {title}\n", *lines, sep="\n")


if __name__ == "__main__":
    main()
