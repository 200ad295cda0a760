"""Which outputs an earlier run has made."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

from realesr.errors import UnreadableMediaError
from realesr.jobs import Draft, Job, Jobs
from realesr.media.formats import STANDARD_STREAM
from realesr.media.urls import is_url
from realesr.spool import Digests, digest_of

_OPEN_FOLDERS = 64
"""Number of folders whose names are kept: that of a file, and those around it."""


def without_existing(wanted: Draft, numbered: Draft) -> tuple[Jobs, Jobs]:
    """Tells apart jobs to do, and those whose output an earlier run has made.

    A number that is older than one of the inputs that it depends on may belong to another of them.

    Args:
        wanted: The jobs, each with the name that it would have alone.
        numbered: The same jobs with the names that they get.
    """
    outputs = _Outputs()

    def is_made(job: Job) -> bool:
        return job.destination != STANDARD_STREAM and outputs.have(job.destination)

    todo, existing = Jobs(), Jobs()
    if wanted is numbered:  # each has the name that it wants
        for job in numbered.jobs:
            (existing if is_made(job) else todo).append(job)
        return todo, existing
    flags = bytearray(map(is_made, numbered.jobs))
    unsure = _unsure(wanted, numbered, flags)
    for before, job, flag in zip(wanted, numbered.jobs, flags, strict=True):
        is_left = flag and before.destination not in unsure
        (existing if is_left else todo).append(job)
    return todo, existing


def _unsure(wanted: Draft, numbered: Draft, flags: bytearray) -> set[bytes]:
    """Returns the names of which one output is older than one of the inputs that may have it."""
    pairs = zip(wanted, numbered, strict=True)
    shared = {one.destination for one, other in pairs if one.destination != other.destination}
    made: dict[bytes, int] = {}
    changed: dict[bytes, int] = {}
    for before, entry, flag in zip(wanted, numbered, flags, strict=True):
        name = before.destination
        if name is None or name not in shared:
            continue
        changed[name] = max(changed.get(name, 0), _changed_at(entry.job.source))
        if flag:
            at = _changed_at(entry.job.destination)
            made[name] = min(made.get(name, at), at)
    return {name for name, at in made.items() if at < changed[name]}


class _Outputs:
    """Tells which outputs exist by one listing of each folder, not by a question for each file."""

    def __init__(self) -> None:
        self._folders: OrderedDict[Path, Digests] = OrderedDict()

    def have(self, path: Path) -> bool:
        """Returns whether a path exists and is no link that leads nowhere."""
        folder = path.parent
        names = self._folders.get(folder)
        if names is None:
            names = self._folders[folder] = _names_in(folder)
            if len(self._folders) > _OPEN_FOLDERS:
                self._folders.popitem(last=False)
        else:
            self._folders.move_to_end(folder)
        return digest_of(path.name) in names


def _names_in(folder: Path) -> Digests:
    """Returns the names in a folder, but not of links that lead nowhere; none if it is missing."""
    found = Digests()
    if is_url(folder):
        from realesr.media.remote import listed

        try:
            for path, *_ in listed(folder, is_recursive=False):
                found.add(digest_of(path.name))
        except UnreadableMediaError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
        return found
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_symlink() or os.path.exists(entry.path):  # noqa: PTH110
                    found.add(digest_of(entry.name))
    except OSError:
        return Digests()
    return found


def _changed_at(path: Path) -> int:
    """Returns when a file got its content or its place, ns; 0 if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return max(status.st_mtime_ns, status.st_ctime_ns)
