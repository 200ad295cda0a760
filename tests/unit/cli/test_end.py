"""How a run tells its end."""

import json

import pytest

from realesr.cli.main import main

from support.images import write_image
from support.networks import random_image


@pytest.fixture
def command(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "in" / name, random_image(5, 4))
    return ["image", "-i", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-n", "nearest"]


def summary(capsys):
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last.pop("event") == "summary"
    assert last.pop("seconds") >= 0
    return last


def test_a_part_ends_with_a_summary_whatever_it_had_to_do(command, tmp_path, capsys):
    part = [*command, "--json", "--skip-existing", "--shard", "1/1"]
    expected = {"shard": [1, 1], "done": 2, "failed": [], "existing": 0}
    assert main(part) == 0
    assert summary(capsys) == expected
    assert main(part) == 0  # nothing is left to do, as after a part that was begun again
    assert summary(capsys) == expected | {"done": 0, "existing": 2}
    (tmp_path / "in/c.png").write_text("no image")
    assert main(part) == 1
    failed = [str(tmp_path / "in/c.png")]
    assert summary(capsys) == expected | {"done": 0, "existing": 2, "failed": failed}
    missing = str(tmp_path / "missing.png")
    assert main([*part, "-i", missing, str(tmp_path / "gone.png")]) == 1
    assert len(summary(capsys)["failed"]) == 2


def test_a_whole_run_tells_failures_alone(command, tmp_path, capsys):
    assert main([*command, "--json"]) == 0
    captured = capsys.readouterr()
    assert "summary" not in captured.out
    assert "failed" not in captured.err
    (tmp_path / "in/c.png").write_text("no image")
    assert main([*command, "--json"]) == 1
    assert "1 of 3 images failed, 2 done" in capsys.readouterr().err
