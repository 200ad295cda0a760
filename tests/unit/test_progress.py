import pickle
import re
from pathlib import Path
from typing import get_args

import pytest

from realesr.errors import OutOfMemoryError
from realesr.geometry import Size
from realesr.progress import (
    Event,
    Failed,
    Finished,
    FrameDone,
    Notice,
    NoticeCode,
    Outcome,
    Started,
    TileDone,
    Warned,
)

from support.paths import ROOT

SOURCE = Path("in.png")
EVENTS = [
    Started(SOURCE, 1, 2),
    TileDone(SOURCE, 1, 4),
    FrameDone(SOURCE, 3, None),
    Warned(SOURCE, Notice("tile-halved", "out of memory")),
    Finished(
        Outcome(
            source=SOURCE,
            destination=Path("out.png"),
            source_size=Size(2, 3),
            size=Size(8, 12),
            seconds=1.5,
        )
    ),
]


def test_the_list_above_has_every_event_but_failed():
    assert {type(event) for event in EVENTS} | {Failed} == set(get_args(Event))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_cross_processes(event):
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301


def test_a_failure_crosses_processes():
    again = pickle.loads(pickle.dumps(Failed(SOURCE, OutOfMemoryError("no room"))))  # noqa: S301
    assert again.source == SOURCE
    assert isinstance(again.error, OutOfMemoryError)
    assert str(again.error) == "no room"


def test_every_code_is_documented_and_used():
    codes = set(get_args(NoticeCode))
    table = (ROOT / "docs/command-line.md").read_text().partition("| Code | Meaning |")[2]
    table = table.partition("| Code | Meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) == codes
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    used = set(re.findall(r'Notice\(\s*"([a-z-]+)"', source))
    assert used == codes
