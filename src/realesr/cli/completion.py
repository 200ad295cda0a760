"""``realesr completion``: lets a shell complete commands and options."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands and options in a shell",
        description="Prints a script for a shell. Bash: realesr completion bash > "
        "~/.local/share/bash-completion/completions/realesr. Zsh: realesr completion zsh > a file "
        "_realesr in a folder of $fpath. Fish: realesr completion fish > "
        "~/.config/fish/completions/realesr.fish.",
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the script; returns the exit code."""
    import shtab

    from realesr.cli.main import make_parser

    print(shtab.complete(make_parser(), shell=args.shell))
    return 0
