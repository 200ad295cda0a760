"""Finding faces: their boxes, and five landmarks of each."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from realesr.errors import UnsupportedCheckpointError
from realesr.face.extra import importing_extra
from realesr.imaging.image import Pixels
from realesr.models.checkpoint import load_state_dict

Points = NDArray[np.float64]
"""(N, 2): x and y, px; a pixel's middle has whole coordinates."""

LONGEST_SIDE = 1920
"""Pictures are reduced to this for detection, px: a larger one would take gigabytes."""
NMS_THRESHOLD = 0.4
"""Boxes that overlap more than this (intersection over union) are of one face. As in facexlib."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a picture.

    Attributes:
        box: Left, top, right and bottom, px.
        score: How sure the detector is, 0 to 1.
        landmarks: (5, 2) px: the eyes, the tip of the nose, the corners of the mouth; of pairs the
            one that is left in the picture first.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: Points

    @property
    def side(self) -> float:
        """The longer side of the box, px."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def center(self) -> tuple[float, float]:
        """Of the box, px."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Detector(Protocol):
    """Finds faces."""

    confidence: float
    """Score from which on a face is believed, where nothing else is asked for."""

    def __call__(self, pixels: Pixels, min_score: float) -> list[Face]:
        """Finds the faces of a picture, the surest first.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            min_score: Less sure ones are left out, 0 to 1.
        """
        ...


def load_detector(path: Path, device: torch.device) -> Detector:
    """Loads RetinaFace, or YuNet where the file is ``.onnx``.

    Raises:
        WeightsError, MissingExtraError: As the detectors do.
    """
    return YuNetDetector(path) if path.suffix == ".onnx" else RetinaFaceDetector(path, device)


class RetinaFaceDetector:
    """RetinaFace (Deng et al., 2020, arXiv 1905.00641), as facexlib has it.

    Args:
        path: Weights of ``retinaface_resnet50`` or ``retinaface_mobile0.25``, told apart by their
            parameters.
        device: Where it runs.

    Raises:
        MissingExtraError: facexlib is not installed.
        WeightsError: The file is missing, damaged, or of something else.
    """

    confidence = 0.97
    """As in the reference's face helper."""

    def __init__(self, path: Path, device: torch.device) -> None:
        with importing_extra(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from facexlib.detection import RetinaFace
        state = {name.removeprefix("module."): v for name, v in load_state_dict(path).items()}
        size = "mobile0.25" if "body.stage1.0.0.weight" in state else "resnet50"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchvision's, about how facexlib calls it
            self._network = RetinaFace(network_name=size, device=device)
        try:
            self._network.load_state_dict(state)
        except RuntimeError as error:
            raise UnsupportedCheckpointError(f"{path} is not a RetinaFace of facexlib") from error
        self._network.eval().to(device)

    @torch.inference_mode()
    def __call__(self, pixels: Pixels, min_score: float) -> list[Face]:
        """See :class:`Detector`."""
        bgr, scale = _reduced(pixels)
        rows = self._network.detect_faces(bgr, min_score, NMS_THRESHOLD)
        return _faces([(row[:4] * scale, row[4], row[5:].reshape(5, 2) * scale) for row in rows])


class YuNetDetector:
    """YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023), through OpenCV.

    Args:
        path: Its ONNX file.

    Raises:
        UnsupportedCheckpointError: The file is damaged, or of something else.
    """

    confidence = 0.8

    def __init__(self, path: Path) -> None:
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(path), "", (320, 320), nms_threshold=NMS_THRESHOLD, top_k=5000
            )
        except cv2.error as error:
            raise UnsupportedCheckpointError(f"{path} is not an ONNX file of YuNet") from error

    def __call__(self, pixels: Pixels, min_score: float) -> list[Face]:
        """See :class:`Detector`."""
        bgr, scale = _reduced(pixels)
        self._network.setInputSize(bgr.shape[1::-1])
        self._network.setScoreThreshold(min_score)
        _, rows = self._network.detect(bgr)
        found = []
        for row in () if rows is None else rows:
            left, top, width, height = row[:4]
            box = np.array((left, top, left + width, top + height))
            found.append((box * scale, row[14], row[4:14].reshape(5, 2) * scale))
        return _faces(found)


def _reduced(pixels: Pixels) -> tuple[Pixels, float]:
    """BGR, at most LONGEST_SIDE px long, and by how much it must be stretched to be as before."""
    height, width = pixels.shape[:2]
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    scale = max(height, width) / LONGEST_SIDE
    if scale <= 1:
        return bgr, 1.0
    reduced = (max(1, round(width / scale)), max(1, round(height / scale)))
    return cast(Pixels, cv2.resize(bgr, reduced, interpolation=cv2.INTER_AREA)), scale


def _faces(rows: Sequence[tuple[Any, float, Any]]) -> list[Face]:
    faces = [
        Face(
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            score=float(score),
            landmarks=np.asarray(landmarks, np.float64),
        )
        for box, score, landmarks in rows
    ]
    return sorted(faces, key=lambda face: -face.score)
