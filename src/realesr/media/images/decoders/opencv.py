"""Calls of OpenCV's decoders: silent, because their words become notices and errors."""

from __future__ import annotations

import re
import threading
from typing import Any

import cv2
import numpy as np

from realesr.media.images.c_output import ANY_LINE, caught_output

Levels = np.ndarray[Any, np.dtype[Any]]

_LOG_LEVEL = threading.RLock()
_JPEG_WARNINGS = re.compile(
    r"Corrupt JPEG data|Premature end of JPEG|Inconsistent progression|Unknown Adobe color|"
    r"Invalid SOS parameters|Invalid crop request|Warning: unknown JFIF|Application transferred"
)
"""All warnings of libjpeg (its jerror.h)."""
_JPEG_DAMAGE = re.compile(r"Corrupt JPEG data|Premature end of JPEG|Inconsistent progression")


def decode_with_opencv(data: bytes) -> tuple[Levels | None, str]:
    """Decodes an image as it is stored, without turning it.

    Args:
        data: Content of the file.

    Returns:
        (H, W) or (H, W, channels) in BGR order, of any dtype; None if it cannot be decoded. And
        what OpenCV and its libraries said, on one line.
    """
    levels, lines = _decode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION, ANY_LINE)
    return levels, " ".join(lines).strip()


def jpeg_damage(data: bytes) -> str | None:
    """Returns what libjpeg says of a damaged JPEG, of which only OpenCV's prints warnings.

    All entropy-coded data is decoded, but only one pixel of each block, which takes a sixth of the
    time of the whole image.

    Args:
        data: Content of the file, with an end marker.

    Returns:
        The warning; empty if there is none, and None if OpenCV does not decode the file.
    """
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION
    levels, lines = _decode(data, flags, _JPEG_WARNINGS)
    if levels is None:
        return None
    return "; ".join(line for line in lines if _JPEG_DAMAGE.match(line))


def _decode(data: bytes, flags: int, own: re.Pattern[str]) -> tuple[Levels | None, list[str]]:
    levels: Levels | None
    reason = []
    with _LOG_LEVEL, caught_output(own) as lines:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            levels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            levels, reason = None, [str(error.err)]
        finally:
            cv2.utils.logging.setLogLevel(level)
    return levels, [*lines, *reason]
