"""Detection of faces: a box and five landmarks for each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from realesr.errors import UnsupportedCheckpointError
from realesr.face.dependencies import importing_extra
from realesr.imaging.image import Pixels
from realesr.weights.torch_checkpoint import load_state_dict

Points = NDArray[np.float64]
"""Points x, y in px, (N, 2) float64; the centers of pixels have integer coordinates."""

LONGEST_SIDES = (1920, 480)
"""Longest sides to which images are reduced for detection, px. Larger images would take gigabytes.
The smaller side finds faces that fill a large image: YuNet is made for faces up to 300 px,
RetinaFace's anchors for up to 512 px."""
LARGE_FACE = 96
"""Smallest side of a face that counts as large in the smaller image, px."""
PART_THRESHOLD = 0.6
"""Share of a box's area inside another box above which it is a part of that face."""
NMS_THRESHOLD = 0.4
"""Intersection over union above which two boxes are of one face, as in facexlib."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in an image.

    Attributes:
        box: Left, top, right and bottom, px.
        score: Confidence of the detector, 0 to 1.
        landmarks: Eyes, tip of the nose, corners of the mouth, (5, 2) float64, px; of each pair,
            the one on the left of the image first.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: Points

    @property
    def side(self) -> float:
        """Longer side of the box, px."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def area(self) -> float:
        """Area of the box, square px."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)

    def shared_area(self, other: Face) -> float:
        """Returns the area that both boxes share, square px."""
        width = min(self.box[2], other.box[2]) - max(self.box[0], other.box[0])
        height = min(self.box[3], other.box[3]) - max(self.box[1], other.box[1])
        return max(0.0, width) * max(0.0, height)

    def overlap(self, other: Face) -> float:
        """Returns the intersection over union of the boxes, 0 to 1."""
        shared = self.shared_area(other)
        return shared / (self.area + other.area - shared) if shared else 0.0

    def is_same_as(self, other: Face) -> bool:
        """Returns whether both are the same face, or one is a part of the other."""
        smaller = min(self.area, other.area)
        return (
            self.overlap(other) > NMS_THRESHOLD
            or self.shared_area(other) > PART_THRESHOLD * smaller
        )

    def scaled(self, factors: NDArray[np.float64]) -> Face:
        """Returns the face in an image larger by ``factors``, (2,): horizontal, vertical."""
        left, top, right, bottom = (np.array(self.box).reshape(2, 2) * factors).ravel()
        return Face((left, top, right, bottom), self.score, self.landmarks * factors)

    @property
    def center(self) -> tuple[float, float]:
        """Center of the box: x and y, px."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Detector(Protocol):
    """Detects faces in an image."""

    confidence: float
    """Default of the smallest score of a face, 0 to 1."""

    def __call__(self, pixels: Pixels, min_score: float) -> list[Face]:
        """Detects the faces of an image, ordered by score, the highest first.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            min_score: Smallest score of a face that is returned, 0 to 1.
        """
        ...


def load_detector(path: Path, device: str) -> Detector:
    """Loads RetinaFace, or YuNet if the file ends with ``.onnx``.

    Args:
        path: File of weights.
        device: PyTorch device of RetinaFace; YuNet runs on the CPU.

    Raises:
        WeightsError, MissingExtraError: As the detectors do.
    """
    return YuNetDetector(path) if path.suffix == ".onnx" else RetinaFaceDetector(path, device)


class RetinaFaceDetector:
    """RetinaFace (Deng et al., 2020, arXiv 1905.00641) from facexlib.

    Args:
        path: Weights of ``retinaface_resnet50`` or ``retinaface_mobile0.25``; their parameters
            tell which.
        device: PyTorch device.

    Raises:
        MissingExtraError: facexlib is not installed.
        WeightsError: The file is missing, damaged, or of another model.
    """

    confidence = 0.97
    """Smallest score of a face by default, as in the reference's face helper."""

    def __init__(self, path: Path, device: str) -> None:
        with importing_extra():
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
        """Detects faces, as described at :class:`Detector`."""
        return _at_all_sizes(pixels, lambda bgr: self._detect(bgr, min_score), self.confidence)

    def _detect(self, bgr: Pixels, min_score: float) -> Iterator[Face]:
        for row in self._network.detect_faces(bgr, min_score, NMS_THRESHOLD):
            yield _face(row[:4], row[4], row[5:])


class YuNetDetector:
    """YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023), through OpenCV.

    Args:
        path: ONNX file of the network.

    Raises:
        UnsupportedCheckpointError: The file is missing, damaged, or of another model.
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
        """Detects faces, as described at :class:`Detector`."""
        return _at_all_sizes(pixels, lambda bgr: self._detect(bgr, min_score), self.confidence)

    def _detect(self, bgr: Pixels, min_score: float) -> Iterator[Face]:
        self._network.setInputSize(bgr.shape[1::-1])
        self._network.setScoreThreshold(min_score)
        _, rows = self._network.detect(bgr)
        for row in () if rows is None else rows:
            left, top, width, height = row[:4]
            yield _face((left, top, left + width, top + height), row[14], row[4:14])


def _at_all_sizes(
    pixels: Pixels, detect: Callable[[Pixels], Iterable[Face]], confidence: float
) -> list[Face]:
    """Detects faces at each of :data:`LONGEST_SIDES` and merges them, the highest score first.

    A confident face that is large at the smaller size takes precedence: detections inside it at
    the larger size are mostly parts of it. Of all other faces the larger size has better
    landmarks.
    """
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    height, width = bgr.shape[:2]
    longest = max(height, width)
    large: list[Face] = []
    others: list[Face] = []
    for side in sorted({min(longest, side) for side in LONGEST_SIDES}, reverse=True):
        size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
        reduced = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
        scale = np.array((width / size[0], height / size[1]))
        for face in sorted(detect(cast(Pixels, reduced)), key=lambda face: -face.score):
            is_large = side == min(LONGEST_SIDES) and face.side >= LARGE_FACE
            is_large &= face.score >= confidence
            (large if is_large else others).append(face.scaled(scale))
    kept: list[Face] = []
    for face in (*large, *others):
        if not any(face.is_same_as(other) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.score)


def _face(box: Sequence[float], score: float, landmarks: NDArray[np.float32]) -> Face:
    left, top, right, bottom = map(float, box)
    points = np.asarray(landmarks, np.float64).reshape(5, 2)
    return Face((left, top, right, bottom), float(score), points)
