"""Translation of the package's messages for the command line.

Messages of the package name an option by its field in :mod:`realesr.options`, as in "`tile_pad` -1:
must be 0 or more". The command line replaces the field by ``--tile-pad``.
"""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache

from realesr.cli.options.faces import FACE_ARGUMENTS
from realesr.cli.printing import tell
from realesr.comparison.options import CompareOptions
from realesr.evaluation.options import EvaluationOptions
from realesr.options import (
    DamageOptions,
    EncodingOptions,
    FaceOptions,
    FileOptions,
    PieceOptions,
    Target,
    UpscaleOptions,
    VideoOptions,
    WorkerOptions,
)
from realesr.preparation.options import PrepareOptions
from realesr.progress import Notice
from realesr.serving.options import ServeOptions

_IRREGULAR = {
    **FACE_ARGUMENTS,
    "faces": "face_enhance",
    "ffmpeg": "ffmpeg_bin",
    "clip_format": "format",
    "color_lock": "no_color_lock",
    "devices": "device",
    "each": "workers",
    "inputs": "input",
    "is_compiled": "compile",
    "is_fixed": "fixed",
    "is_multiscale": "multiscale",
    "is_strict": "strict",
    "scales": "lr",
    "sharers": "workers",
    "smooth_color": "no_smooth_color",
    "drain_s": "drain",
    "keep_s": "keep",
    "timeout_s": "timeout",
    "upload_timeout_s": "upload_timeout",
    "video_timeout_s": "video_timeout",
}
"""The argument of the command line for each field that has another name."""
_OWNERS = (
    DamageOptions,
    CompareOptions,
    EncodingOptions,
    EvaluationOptions,
    FaceOptions,
    FileOptions,
    PieceOptions,
    PrepareOptions,
    ServeOptions,
    Target,
    UpscaleOptions,
    VideoOptions,
    WorkerOptions,
)
_OF_COMMANDS = (
    *("clips", "cluster", "data", "gpu_id", "original", "out", "perceptual_weights"),
    *("size", "token_file", "workers"),
)
_NAME = re.compile(r"`([a-z_]+)`")


def with_flags(message: object) -> str:
    """Returns a message with command-line flags instead of the names of fields."""
    return _NAME.sub(lambda match: _flags().get(match[1], match[0]), str(message))


@cache
def _flags() -> dict[str, str]:
    names = [field.name for owner in _OWNERS for field in fields(owner)]
    arguments = {name: name for name in (*names, *_OF_COMMANDS)} | _IRREGULAR
    return {name: "--" + argument.replace("_", "-") for name, argument in arguments.items()}


def print_notice(notice: Notice) -> None:
    """Prints a notice that does not concern a single file."""
    tell(f"note: {with_flags(notice)}")
