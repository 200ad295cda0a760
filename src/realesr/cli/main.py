"""The ``realesr`` command: parser and exit codes.

Exit codes: 0 all done, 1 some job failed, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from realesr import __version__
from realesr.cli import (
    bench,
    compare,
    completion,
    degrade,
    doctor,
    evaluate,
    export,
    image,
    models,
    prepare,
    serve,
    train,
    tune,
    video,
)
from realesr.cli.options.parsers import ArgumentParser
from realesr.cli.printing import finish, printable, tell
from realesr.cli.process import prepare_process
from realesr.cli.signals import EXIT_INTERRUPTED, MESSAGE, interruptible
from realesr.cli.wording import with_flags
from realesr.errors import RealesrError
from realesr.reasons import reason_of

logger = logging.getLogger(__name__)

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
    degrade.add_parser(commands)
    prepare.add_parser(commands)
    evaluate.add_parser(commands)
    export.add_parser(commands)
    serve.add_parser(commands)
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


class _OneLine(logging.Formatter):
    """Formats a record so that names in it cannot control a terminal; tracebacks keep lines."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))


def main(argv: Sequence[str] | None = None, *, is_process: bool = False) -> int:
    """Runs the command line; returns the exit code.

    Args:
        argv: Arguments; None for those of the process.
        is_process: Whether the process is ours, and ends at once after an interruption. Threads
            that still wait for something would hold up Python's own end.
    """
    try:
        code = _main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        tell(MESSAGE)
        if is_process:
            finish()
            os._exit(EXIT_INTERRUPTED)
        code = EXIT_INTERRUPTED
    except SystemExit as stop:  # of the parser
        if not finish() and not stop.code:
            raise SystemExit(1) from None
        raise
    return code if finish() else code or 1


def _has_folder() -> bool:
    """Returns whether the current folder still exists."""
    try:
        os.getcwd()  # noqa: PTH109 -- Path.cwd() would do the same
    except OSError:
        return False
    return True


def _main(argv: Sequence[str]) -> int:
    args = make_parser().parse_args(normalize_option_names(argv))
    level = {0: logging.WARNING, 1: logging.INFO}.get(args.verbose, logging.DEBUG)
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("realesr").setLevel(level)
    prepare_process()
    try:
        with interruptible(has_deadline=not getattr(args, "ends_by_itself", False)):
            code: int = args.run(args)
        return code
    except RealesrError as error:
        logger.debug("the command failed", exc_info=error)
        tell(f"realesr: error: {with_flags(error)}")
        return error.exit_code
    except Exception as error:
        logger.debug("the command failed", exc_info=error)
        if isinstance(error, FileNotFoundError) and not _has_folder():
            tell("realesr: error: the current folder has been removed: change to another")
        elif isinstance(error, OSError) and error.filename is not None:
            tell(f"realesr: error: {os.fsdecode(error.filename)}: {reason_of(error)}")
        else:
            kind = type(error).__name__
            tell(f"realesr: internal error: {kind}: {error} (-vv tells where)")
        return 1
