import argparse
import re
import shlex
import subprocess
import sys

import pytest

from realesr.cli.main import make_parser


def commands(parser):
    """All parsers: the command itself, its subcommands, and theirs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from commands(each)


PARSERS = list(commands(make_parser()))


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.prog)
def test_every_help_ends_with_examples_that_can_be_typed(parser):
    _, found, examples = parser.format_help().partition("\nexamples:\n")
    assert found
    for line in examples.strip().splitlines():
        words = shlex.split(
            re.sub(r"^torchrun .* -m realesr", "realesr", line.partition(">")[0].strip())
        )
        assert words[0] == "realesr", line
        if "--help" not in words:
            make_parser().parse_args(words[1:])


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("image a.png", 0),
        ("-v image a.png", 1),
        ("image a.png -v", 1),
        ("-vv image a.png", 2),
        ("image a.png -vv", 2),
        ("models list -v", 1),
        ("models -v list", 1),
        ("", 0),
    ],
)
def test_verbose_may_stand_before_and_after_any_command(line, count):
    assert make_parser().parse_args(line.split()).verbose == count


def test_the_parser_loads_nothing_heavy():
    heavy = ("numpy", "torch", "cv2", "av", "onnx", "onnxruntime", "fastapi", "uvicorn", "pydantic")
    code = f"import sys, realesr.cli.main; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
