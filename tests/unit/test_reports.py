"""The scripts that measure the bars of the shipped weights."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from reports import bars

REPORTS = Path(bars.__file__).parent


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realesr.evaluation.statistics.RESAMPLES", 50)


def journal(folder: Path, values: dict[str, dict[str, list[float]]], degradation: str) -> Path:
    """Writes records of a set by model and metric."""
    folder.mkdir()
    lines = [json.dumps({"options": {"scale": 4}}), ""]
    for model, metrics in values.items():
        for number in range(3):
            record = {
                "set_name": "Set5",
                "degradation": degradation,
                "picture": str(number),
                "model": model,
                "values": {metric: each[number] for metric, each in metrics.items()},
            }
            lines.append(json.dumps(record))
    (folder / "records.jsonl").write_text("\n".join(lines))
    return folder


def test_the_faithful_end_must_beat_all_at_once(tmp_path: Path) -> None:
    one = {"good": {"psnr": [30.0, 31.0, 33.0]}, "bicubic": {"psnr": [29.0, 30.0, 30.0]}}
    two = {"official": {"psnr": [29.0, 31.0, 33.5]}}
    folders = [journal(tmp_path / "a", one, "light"), journal(tmp_path / "b", two, "light")]
    found = bars.Measured(folders)
    (line,) = list(bars.faithful(found, "good", ["bicubic", "official"]))[2:]
    assert "+1.67" in line
    assert "+0.17" in line
    assert line.endswith("| yes |")
    (line,) = list(bars.faithful(found, "good", ["bicubic", "missing"]))[2:]
    assert " - | yes" in line
    (line,) = list(bars.faithful(found, "bicubic", ["official", "good"]))[2:]
    assert line.endswith("| **no** |")


@pytest.mark.parametrize(("gain", "word"), [(1.4, "**no**"), (1.6, "yes")])
def test_clean_inputs_have_a_bar_of_their_own(tmp_path: Path, gain: float, word: str) -> None:
    values = {"good": {"psnr": [30.0 + gain] * 3}, "bicubic": {"psnr": [30.0] * 3}}
    found = bars.Measured([journal(tmp_path / "a", values, "bicubic")])
    (line,) = list(bars.faithful(found, "good", ["bicubic"]))[2:]
    assert line.endswith(f"| {word} |")


@pytest.mark.parametrize(
    ("degradation", "ours", "word"),
    [
        ("medium", {"squeezenet": [0.94] * 3, "efficientnet-lite0": [0.99] * 3}, "yes"),
        ("medium", {"squeezenet": [0.96] * 3, "efficientnet-lite0": [0.99] * 3}, "**no**"),
        ("heavy", {"squeezenet": [1.5] * 3}, "yes"),
        ("light", {"squeezenet": [0.9] * 3}, "yes, without efficientnet-lite0"),
        ("none", {"niqe": [1.06] * 3}, "**no**"),
    ],
)
def test_the_crisp_end(
    tmp_path: Path, degradation: str, ours: dict[str, list[float]], word: str
) -> None:
    psnr = {} if degradation == "none" else {"psnr": [30.0] * 3}
    theirs = psnr | {metric: [1.0] * 3 for metric in ours}
    values = {"ours": psnr | ours, "official": theirs}
    found = bars.Measured([journal(tmp_path / "a", values, degradation)])
    (line,) = list(bars.crisp(found, "ours", "official"))[2:]
    assert line.endswith(f"| {word} |")


def test_one_picture_fails_the_bar_of_color(tmp_path: Path) -> None:
    values = {"ours": {"shift": [0.1, 0.1, 0.4]}}
    found = bars.Measured([journal(tmp_path / "a", values, "light")])
    (line,) = list(bars.shift(found, ["ours"]))[2:]
    assert "0.20, at most 0.40 **fails**" in line


@pytest.fixture
def artifacts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(REPORTS))
    return importlib.import_module("artifacts")


class Fakes:
    """A network that copies pixels, and one that also adds a checkerboard of half a level."""

    names = ("copy", "board")

    def __call__(self, name: str, lr: np.ndarray, is_gray: bool | None = None) -> np.ndarray:
        sr = cv2.resize(lr, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
        if name == "copy":
            return sr
        signs = np.indices(sr.shape[:2]).sum(axis=0) % 2 * 2 - 1
        step = 128 if lr.dtype == np.uint16 else 1
        return np.clip(sr.astype(int) + step * signs[..., None], 0, 65535).astype(sr.dtype)


def test_a_checkerboard_shows_in_the_table(
    artifacts: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("NOISY", 1), ("GRAYS", 3), ("COLORS", 2)):
        monkeypatch.setattr(artifacts, name, getattr(artifacts, name)[:count])
    rows = list(artifacts.checkerboard(artifacts.Inputs(Fakes(), [], [])))[2:]
    copy, board = ([cell.strip() for cell in row.split("|")] for row in rows)
    assert float(copy[2]) == float(copy[3]) == 0
    assert float(board[2]) == pytest.approx(0.5, abs=0.01)
    assert float(board[3]) == pytest.approx(0.5, abs=0.01)
    assert float(board[6]) > 0.9


def test_results_are_kept_and_blocks_of_color_are_counted(
    artifacts: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a real filter, so that the names of models are understood."""
    folder = tmp_path / "clean"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    picture = cv2.resize(noise, (320, 256), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(folder / "a.png"), picture)
    monkeypatch.setattr(artifacts, "QUALITIES", (20,))
    results = artifacts.Results(["bicubic"], tmp_path / "kept")
    clean = artifacts.list_pictures([folder], scale=4)
    (row,) = list(artifacts.chroma(artifacts.Inputs(results, clean, [])))[2:]
    _, _, original, bicubic, _ = row.split("|")
    assert float(original.split(",")[2]) == 0
    assert float(bicubic.split(",")[0]) > 1.2 * float(original.split(",")[0])
    assert len(list((tmp_path / "kept").glob("*.png"))) == 1


def test_a_flat_chart_shows_what_is_added(artifacts: ModuleType) -> None:
    rows = list(artifacts.flat(artifacts.Inputs(Fakes(), [], [])))[2:]
    copy, board = rows[0].split("|")[2:4]
    assert float(copy.split(",")[0]) < 0.3
    assert float(board.split(",")[0]) == pytest.approx(1, abs=0.1)
    noisy = rows[2].split("|")[2]
    assert 3 < float(noisy.split(",")[0]) < 4.2
