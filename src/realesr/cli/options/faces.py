"""Command-line options of face restoration."""

from __future__ import annotations

import argparse
from pathlib import Path

from realesr.options import FACE_DETECTORS, FACE_MODELS, FaceOptions

FACE_ARGUMENTS = {
    "model": "face_model",
    "weight": "face_weight",
    "detector": "face_detector",
    "confidence": "face_confidence",
    "min_size": "face_min_size",
    "only_center": "only_center_face",
    "is_aligned": "aligned",
    "report": "face_report",
}
"""The argument of the command line for each field of :class:`realesr.options.FaceOptions`."""


def add_face_options(parser: argparse.ArgumentParser) -> None:
    """Adds the group ``faces`` to a parser."""
    default = FaceOptions()
    group = parser.add_argument_group("faces")
    group.add_argument(
        "--face-enhance", action="store_true", help="restore faces; needs the extra realesr[face]"
    )
    group.add_argument(
        "--face-model",
        choices=FACE_MODELS,
        help=f"restoration network (default: {default.model})",
    )
    group.add_argument(
        "--face-weight",
        type=float,
        metavar="W",
        help=f"share of the restored face in the result, 0 to 1 (default: {default.weight:g})",
    )
    group.add_argument(
        "--face-detector",
        choices=FACE_DETECTORS,
        help=f"face detector; the last two are small and fast (default: {default.detector})",
    )
    group.add_argument(
        "--face-confidence",
        type=float,
        metavar="P",
        help="ignore detections below this score, 0 to 1 "
        "(default: 0.97 for RetinaFace, 0.8 for YuNet)",
    )
    group.add_argument(
        "--face-min-size",
        type=int,
        metavar="PX",
        help=f"ignore faces smaller than this in the input (default: {default.min_size})",
    )
    group.add_argument(
        "--only-center-face", action="store_true", help="restore only the face nearest the center"
    )
    group.add_argument(
        "--aligned", action="store_true", help="inputs are already cropped and aligned faces"
    )
    group.add_argument(
        "--face-report",
        type=Path,
        metavar="FILE",
        help="write boxes, scores and landmarks as JSON lines, one per image",
    )


def face_options(args: argparse.Namespace) -> FaceOptions | None:
    """Returns the options of face restoration; None if it is not enabled.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    if not args.face_enhance:
        return None
    given = {field: getattr(args, name) for field, name in FACE_ARGUMENTS.items()}
    return FaceOptions(**{field: value for field, value in given.items() if value is not None})
