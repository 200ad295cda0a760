"""What a run writes must not replace what it reads, nor be read by the next one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from realesr.errors import InvalidOptionError


def refuse_overwriting(option: str, path: Path, used: Iterable[Path | None]) -> None:
    """Refuses to write a file over one that belongs to the run.

    Args:
        option: What the error calls it, such as ```report```.
        path: The file that is going to be written.
        used: Files that the run reads or makes; None is passed over.

    Raises:
        InvalidOptionError: It is one of them, also by way of links, or a folder.
    """
    taken = (os.path.realpath(each) for each in used if each is not None)
    if os.path.isdir(path) or os.path.realpath(path) in taken:  # noqa: PTH112 -- never raises
        raise InvalidOptionError(f"{option} {path}: is an input, an output or a folder")


def refuse_within(
    output: Path, sources: Iterable[tuple[object, Path]], option: str = "`output`"
) -> None:
    """Refuses a folder of results whose pictures a later run would read.

    Args:
        output: The folder of the results.
        sources: What errors name, and the folder whose pictures are read.
        option: What errors call the folder of the results.

    Raises:
        InvalidOptionError: It lies in one of them.
    """
    for name, folder in sources:
        if output.resolve().is_relative_to(folder.resolve()):
            raise InvalidOptionError(
                f"{option} {output}: lies in {name}, and would be taken for pictures of it: choose "
                "another"
            )
