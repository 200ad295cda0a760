"""``realesr completion``: prints scripts for shell completion of commands and options."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from realesr.cli.printing import answer_text
from realesr.weights.catalog import BASELINES, MODELS, all_specs

SHELLS = ("bash", "zsh", "fish")
_FOLDERS = ("DIR", "FOLDER")
_FILES = ("FILE", "JSON", "OUT", "PATH", "RECIPE")
"""What arguments for paths are called in the usage."""
_MODELS = (*(spec.name for spec in MODELS), *BASELINES)
_PUBLISHED = tuple(spec.name for spec in all_specs())
_NAMES = {
    "model_name": (_MODELS, False),
    "names": (_PUBLISHED, False),
    "model": (_PUBLISHED, True),
    "models": (_MODELS, True),
    "entries": (_MODELS, True),
}
"""Arguments for models: the names, and whether they may be files."""


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

    functions: dict[str, None] = {}
    for action in _arguments(top):
        complete: Mapping[str, Any]
        if action.dest in _NAMES:
            names, are_files = _NAMES[action.dest]
            name = f"_realesr_{action.dest}" + ("_or_files" if are_files else "")
            complete, definitions = _completing(name, " ".join(names), are_files=are_files)
            functions[definitions[args.shell]] = None
        elif action.metavar in _FOLDERS:
            complete = shtab.DIRECTORY
        elif action.metavar in _FILES:
            complete = shtab.FILE
        else:
            continue
        action.complete = complete  # type: ignore[attr-defined]
    script = shtab.complete(top, shell=args.shell, preamble="\n".join(functions))
    if args.shell == "bash":
        # What is quoted or begins with a ~ is left to the shell, which completes names of files.
        script += f"\ncomplete -o bashdefault -o default -F _shtab_{top.prog} {top.prog}"
    answer_text(script)
    return 0


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yields the arguments of all commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _arguments(command)
        else:
            yield action


def _completing(
    function: str, words: str, *, are_files: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Returns how each shell completes names of models, and what it must define before.

    Args:
        function: Name of a function; one that ends with ``files`` gives shtab files to quote.
        words: The names, with spaces between them.
        are_files: Whether files are completed, too.
    """
    if not are_files:
        bash = f'{function}() {{ compgen -W "{words}" -- "$1"; }}'
        return (
            {"bash": function, "zsh": f"({words})", "fish": words},
            {"bash": bash, "zsh": "", "fish": ""},
        )
    bash = f'{function}() {{ compgen -W "{words}" -- "$1"; compgen -f -- "$1"; }}'
    zsh = f"{function}() {{ _alternative 'models:model:({words})' 'files:file:_files' }}"
    fish = f"(string split ' ' '{words}'; __fish_complete_path (commandline -ct))"
    return (
        {"bash": function, "zsh": function, "fish": fish},
        {"bash": bash, "zsh": zsh, "fish": ""},
    )
