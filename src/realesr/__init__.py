"""Makes images and videos larger and sharper with the Real-ESRGAN family of networks.

Public names: ``Upscaler``, ``RealesrError``, ``__version__``. They are imported when they are first
used, because PyTorch takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from realesr.api import Upscaler
    from realesr.errors import RealesrError

__version__ = "0.1.0.dev0"
__all__ = ["RealesrError", "Upscaler", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Upscaler":
        from realesr.api import Upscaler

        return Upscaler
    if name == "RealesrError":
        from realesr.errors import RealesrError

        return RealesrError
    raise AttributeError(f"module 'realesr' has no attribute {name!r}")
