"""``realesr completion``: prints scripts for shell completion of commands and options."""

from __future__ import annotations

import argparse
from functools import partial

from realesr.cli.printing import answer_text

SHELLS = ("bash", "zsh", "fish")


EXAMPLES = """\
examples:
  realesr completion bash > ~/.local/share/bash-completion/completions/realesr
  realesr completion zsh > ~/.zfunc/_realesr
  realesr completion fish > ~/.config/fish/completions/realesr.fish
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], top: argparse.ArgumentParser
) -> None:
    """Adds the command, which prints the completion script of the parser ``top``."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands and options in a shell",
        description="Prints a script for a shell. For zsh, the folder must be in $fpath.",
        epilog=EXAMPLES,
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=partial(run, top))


def run(top: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Prints the script; returns the exit code."""
    import shtab

    answer_text(shtab.complete(top, shell=args.shell))
    return 0
