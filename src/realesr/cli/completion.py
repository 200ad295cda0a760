"""``realesr completion``: prints scripts for shell completion of commands and options."""

from __future__ import annotations

import argparse
from functools import partial

SHELLS = ("bash", "zsh", "fish")


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], top: argparse.ArgumentParser
) -> None:
    """Adds the command, which prints the completion script of the parser ``top``."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands and options in a shell",
        description="Prints a script for a shell. Bash: realesr completion bash > "
        "~/.local/share/bash-completion/completions/realesr. Zsh: realesr completion zsh > a file "
        "_realesr in a folder of $fpath. Fish: realesr completion fish > "
        "~/.config/fish/completions/realesr.fish.",
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=partial(run, top))


def run(top: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Prints the script; returns the exit code."""
    import shtab

    print(shtab.complete(top, shell=args.shell))
    return 0
