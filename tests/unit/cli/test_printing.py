import errno
import io
import json
import os
import sys

import pytest

from realesr.cli import printing
from realesr.cli.printing import answer, answer_json, finish, printable, tell


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ä, 漢字, 👩‍👩", "plain, ä, 漢字, 👩‍👩"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("two\nlines\r\tand", r"two\nlines\r\tand"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f", r"\x7f"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("line\u2028end", r"line\u2028end"),
        (os.fsdecode(b"b\xff.png"), r"b\xff.png"),
        ("\ud800", r"\ud800"),
    ],
)
def test_words_from_files_cannot_control_a_terminal(text, shown, capsys):
    assert printable(text) == shown
    tell(text)
    answer(text)
    answer_json({"name": text}, sys.stdout)
    captured = capsys.readouterr()
    assert captured.err == shown + "\n"
    first, second = captured.out.splitlines()
    assert first == shown
    assert json.loads(second) == {"name": text}
    assert not printing._UNSAFE.search(second)


def test_what_an_encoding_lacks_is_escaped(monkeypatch):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    answer("ä 漢")
    answer_json({"name": "ä 漢"}, stream)
    first, second = raw.getvalue().decode("ascii").splitlines()
    assert first == r"\xe4 \u6f22"
    assert json.loads(second) == {"name": "ä 漢"}


class Broken(io.StringIO):
    def __init__(self, code):
        super().__init__()
        self.code = code

    def write(self, text):
        raise OSError(self.code, os.strerror(self.code))

    def flush(self):
        raise OSError(self.code, os.strerror(self.code))


def test_a_reader_that_has_gone_is_no_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Broken(errno.EPIPE))
    answer("line")
    answer_json({}, sys.stdout)
    assert finish()
    assert capsys.readouterr().err == ""


def test_a_full_device_is_told_once(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Broken(errno.ENOSPC))
    answer("line")
    answer("line")
    assert not finish()
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "realesr: error: standard output: No space left on device"
    monkeypatch.undo()
    assert finish()


def test_closed_streams_are_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    answer("line")
    answer_json({}, sys.stdout)
    tell("line")
    assert finish()
    monkeypatch.setattr(sys, "stderr", Broken(errno.EIO))
    tell("line")
