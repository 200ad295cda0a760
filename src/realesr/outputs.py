"""The file of a report, a page or a sheet: refused early if it cannot be written, else whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from realesr.errors import UnwritableMediaError
from realesr.partial import Partial
from realesr.reasons import reason_of


def check_writable(path: Path) -> None:
    """Refuses a file that cannot be written, before any work is done for it.

    A file is made beside it for a moment, because permissions do not tell of read-only disks. No
    missing folder is created.

    Raises:
        UnwritableMediaError: It cannot be written.
    """
    probe = path
    while not os.path.lexists(probe.parent) and probe != probe.parent:
        probe = probe.parent
    with _refusing(f"`output` {path}"), Partial(probe):
        pass


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file for writing that gets its name when everything was written.

    Args:
        path: The destination. A missing folder is created.

    Raises:
        UnwritableMediaError: It cannot be written.
    """
    with _refusing(str(path)), Partial(path) as partial:
        with partial.open() as file:
            yield file
        partial.commit()


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnwritableMediaError(f"{name}: {reason_of(error)}") from error
