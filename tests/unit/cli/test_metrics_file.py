"""The file of figures for Prometheus."""

from pathlib import Path

import pytest

from realesr.cli.metrics_file import MetricsReporter
from realesr.errors import UnwritableMediaError
from realesr.geometry import Size
from realesr.progress import Failed, Finished, FrameDone, Notice, Outcome, Started, Warned

CLIP = Path("clip.mkv")
SIZES = {"source_size": Size(10, 5), "size": Size(20, 10)}


def read(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in map(str.split, lines)}


def test_figures_are_those_of_the_events(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    path = tmp_path / "realesr.prom"
    report = MetricsReporter(path)
    assert read(path)["realesr_jobs"] == 0
    report(Started(CLIP, 1, 2))
    now[0] += 5
    report(FrameDone(CLIP, 50, 100, pieces=(2, 4), kept=30))
    found = read(path)
    assert found["realesr_frames_done"] == 50
    assert found["realesr_frames_per_second"] == 4
    assert found["realesr_eta_seconds"] == 12.5
    assert (found["realesr_pieces_done"], found["realesr_pieces"]) == (2, 4)
    now[0] += 0.5
    report(FrameDone(CLIP, 51, 100))
    assert read(path)["realesr_frames_done"] == 50  # at most once a second
    report(Warned(CLIP, Notice("work-kept", "words")))
    report(Finished(Outcome(source=CLIP, destination=CLIP, seconds=1, frames=100, **SIZES)))
    report(Started(CLIP, 2, 2))
    report(Failed(CLIP, ValueError()))
    found = read(path)
    assert found["realesr_jobs_done_total"] == found["realesr_jobs_failed_total"] == 1
    assert found["realesr_output_pixels_total"] == 100 * 200
    assert found["realesr_frames_done"] == found["realesr_pieces"] == 0
    assert {file.name for file in tmp_path.iterdir()} == {"realesr.prom"}


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableMediaError, match=r"--metrics-file .*/x.prom"):
        MetricsReporter(tmp_path / "file/x.prom")
