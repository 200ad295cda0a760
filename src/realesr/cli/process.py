"""Settings of the whole process, which a command may change and a library may not."""

from __future__ import annotations

import os

from realesr.weights.catalog import cache_folder


def prepare_process() -> None:
    """Sets what must be set before NumPy, OpenCV and PyTorch are imported."""
    # Our errors say in one line what OpenCV would log.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    # PyTorch's threads would spin for a while after their work, and take the cores from encoders.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    # The default folder of PyTorch's compiler is gone with the next start of the machine.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "compiled"))


def keep_memory() -> None:
    """Lets the C library keep freed memory, so that tiles do not fault in fresh pages."""
    from realesr.engine.memory import keep_freed_memory

    keep_freed_memory()
