"""The memory that is available to this process."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

_CGROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    (
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)
"""Control groups, version 2 and 1: folder, limit, usage, and the reclaimable part of the usage."""


def free_host_bytes() -> int:
    """Returns the available memory of the host, or of this container, bytes."""
    return min(int(psutil.virtual_memory().available), _free_in_container())


def _free_in_container() -> int:
    """Returns the memory that a container's limit leaves, bytes.

    Reclaimable file pages count as free. Without a container the result is ``sys.maxsize``.
    """
    for folder, limit, used, files in _CGROUPS:
        try:
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            room = int((folder / limit).read_text()) - int((folder / used).read_text())
            return max(0, room + int(stat[files]))
        except (OSError, ValueError, KeyError):  # no container, another version, or "max"
            continue
    return sys.maxsize
