"""Settings of the whole process, which commands may change but a library must not."""

from __future__ import annotations

import os


def occupy_standard_streams() -> None:
    """Opens the null device for each standard stream that is closed.

    Otherwise the next file that is opened would get its number, and what libraries print would be
    written into that file.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def prepare_process() -> None:
    """Sets environment variables that NumPy, OpenCV and PyTorch read when they are imported."""
    from realesr.weights.catalog import cache_folder

    # realesr's error messages replace OpenCV's log.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    # PyTorch's threads would busy-wait after their work, and slow down encoders.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    # The default cache of PyTorch's compiler is in a temporary folder.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "compiled"))


def keep_memory() -> None:
    """Lets the C library keep freed memory, so that tiles do not fault in fresh pages."""
    from realesr.engine.memory import keep_freed_memory

    keep_freed_memory()
