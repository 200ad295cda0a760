"""The options for faces."""

from __future__ import annotations

import argparse
from pathlib import Path

from realesr.options import FACE_DETECTORS, FACE_MODELS, FaceOptions


def add_face_options(parser: argparse.ArgumentParser) -> None:
    """The group faces."""
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
    """What the group faces has been given; None where nothing is to be done about them.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    if not args.face_enhance:
        return None
    given = {
        "model": args.face_model,
        "detector": args.face_detector,
        "weight": args.face_weight,
        "min_size": args.face_min_size,
        "confidence": args.face_confidence,
        "only_center": args.only_center_face,
        "is_aligned": args.aligned,
        "report": args.face_report,
    }
    return FaceOptions(**{name: value for name, value in given.items() if value is not None})
