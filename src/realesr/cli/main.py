"""The ``realesr`` command: parser and exit codes.

Exit codes: 0 all done, 1 some job failed, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from realesr import __version__
from realesr.cli import bench, compare, completion, doctor, image, models, train, tune, video
from realesr.cli.options.parsers import ArgumentParser
from realesr.cli.process import prepare_process
from realesr.cli.wording import with_flags
from realesr.errors import RealesrError

logger = logging.getLogger(__name__)

EXIT_INTERRUPTED = 130

EXAMPLES = """\
examples:
  realesr image photo.jpg
  realesr video clip.mp4 -s 2
  realesr models list
  realesr image --help
"""


def make_parser() -> argparse.ArgumentParser:
    """Builds the parser of all commands. Large imports are deferred, so that ``--help`` is fast."""
    parser: argparse.ArgumentParser = ArgumentParser(
        prog="realesr",
        description="Makes images and videos larger and sharper with the Real-ESRGAN family of "
        "networks.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--version", action="version", version=f"realesr {__version__}")

    def print_help(_: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    parser.set_defaults(run=print_help, verbose=0)
    commands = parser.add_subparsers(metavar="COMMAND")
    image.add_parser(commands)
    video.add_parser(commands)
    models.add_parser(commands)
    train.add_parser(commands)
    doctor.add_parser(commands)
    bench.add_parser(commands)
    compare.add_parser(commands)
    tune.add_parser(commands)
    completion.add_parser(commands, parser)
    return parser


def normalize_option_names(argv: Sequence[str]) -> list[str]:
    """Replaces underscores in option names by hyphens; the reference uses underscores."""
    spelled = list(argv)
    for index, argument in enumerate(spelled):
        if argument == "--":
            break
        if argument.startswith("--"):
            option, equals, value = argument.partition("=")
            spelled[index] = option.replace("_", "-") + equals + value
    return spelled


@contextmanager
def _interruptible() -> Iterator[None]:
    """Makes SIGTERM act like Ctrl-C; further signals are ignored while the run shuts down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)

    def interrupt(*_: object) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {each: signal.signal(each, interrupt) for each in signals}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    args = make_parser().parse_args(normalize_option_names(sys.argv[1:] if argv is None else argv))
    level = {0: logging.WARNING, 1: logging.INFO}.get(args.verbose, logging.DEBUG)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger("realesr").setLevel(level)
    prepare_process()
    try:
        with _interruptible():
            code: int = args.run(args)
        return code
    except RealesrError as error:
        logger.debug("the command failed", exc_info=error)
        print(f"realesr: error: {with_flags(error)}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        logger.debug("the command failed", exc_info=error)
        kind = type(error).__name__
        print(f"realesr: internal error: {kind}: {error} (-vv tells where)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("realesr: interrupted; what was finished stays", file=sys.stderr)
        return EXIT_INTERRUPTED
