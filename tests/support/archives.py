"""Archives on disk."""

import io
import tarfile
from pathlib import Path


def make_tar(path: Path, members: dict[str, bytes]) -> Path:
    """A tar of files, name to content."""
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path
