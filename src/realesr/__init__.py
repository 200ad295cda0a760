"""Makes images and videos larger and sharper with the Real-ESRGAN family of networks.

Public names: ``Upscaler``, ``upscale_image``, ``upscale_video``, ``RealesrError``,
``__version__``. They are imported when they are first used, because NumPy and OpenCV take time.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing takes time, in which a signal leaves a traceback
if TYPE_CHECKING:
    from realesr.api import Upscaler, upscale_image, upscale_video
    from realesr.errors import RealesrError

__version__ = "0.1.0.dev0"
__all__ = ["RealesrError", "Upscaler", "__version__", "upscale_image", "upscale_video"]


def __getattr__(name: str) -> object:
    if name in ("Upscaler", "upscale_image", "upscale_video"):
        from realesr import api

        return getattr(api, name)
    if name == "RealesrError":
        from realesr.errors import RealesrError

        return RealesrError
    raise AttributeError(f"module 'realesr' has no attribute {name!r}")
