"""How the command line words what the package says.

The package does not know the command line: its messages name an option by the field of
:mod:`realesr.options`, as in "`tile_pad` -1: must be 0 or more". Here that becomes ``--tile-pad``.
"""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache

from realesr.options import (
    EncodingOptions,
    FaceOptions,
    FileOptions,
    Target,
    UpscaleOptions,
    VideoOptions,
)

_IRREGULAR = {
    "confidence": "--face-confidence",
    "detector": "--face-detector",
    "faces": "--face-enhance",
    "ffmpeg": "--ffmpeg-bin",
    "inputs": "--input",
    "is_aligned": "--aligned",
    "is_compiled": "--compile",
    "is_strict": "--strict",
    "min_size": "--face-min-size",
    "model": "--face-model",
    "only_center": "--only-center-face",
    "report": "--face-report",
    "weight": "--face-weight",
}
_OF_TRAINING = ("data", "out")
_NAME = re.compile(r"`([a-z_]+)`")


def with_flags(message: object) -> str:
    """Returns a message with the names of options as they are typed."""
    return _NAME.sub(lambda match: _flags().get(match[1], match[0]), str(message))


@cache
def _flags() -> dict[str, str]:
    owners = (EncodingOptions, FaceOptions, FileOptions, Target, UpscaleOptions, VideoOptions)
    names = [field.name for owner in owners for field in fields(owner)]
    regular = {name: "--" + name.replace("_", "-") for name in (*names, *_OF_TRAINING)}
    return regular | _IRREGULAR
