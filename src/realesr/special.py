"""Names of what is neither a file nor a folder, and thus never replaced, or read by chance."""

from __future__ import annotations

import stat

_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def special_kind(mode: int) -> str | None:
    """Returns what an entry of a folder is; None for a file or a folder.

    Args:
        mode: ``st_mode`` of the entry, or of what a link leads to.
    """
    return next((name for is_kind, name in _KINDS if is_kind(mode)), None)
