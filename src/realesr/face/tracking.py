"""Tracking of faces from frame to frame, so that they do not flicker."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.errors import RealesrError
from realesr.face.alignment import alignment, crop_face
from realesr.face.detection import Face
from realesr.imaging.image import Pixels

MIN_OVERLAP = 0.3
"""Smallest intersection over union of two boxes of the same face."""
FADE_FRAMES = 5
"""Number of frames over which a face fades in, unless its scene begins with it, or out."""
JITTER_GAIN, MOTION_GAIN = 0.3, 1.0
"""Smoothing gain for displacements near 0 and for those of at least ``MOTION_THRESHOLD``; linear in
between."""
MOTION_THRESHOLD = 0.05
"""Displacement that counts as movement, in sides of the face's box."""
APPEARANCE_SIDE = 32
"""Side of the small gray views of faces that are compared, px."""
MIN_CORRELATION = 0.7
"""Correlation of two such views below which the scene has changed."""


@dataclass(slots=True)
class _Track:
    """A face that is followed, its visibility (0 to 1), and the view in which it was last seen."""

    face: Face
    visibility: float
    appearance: NDArray[np.float32]


class Tracker:
    """Follows the faces of a video.

    Args:
        confidence: Smallest score of a new face, 0 to 1. A face that is already followed needs
            no minimum.
    """

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence
        self._tracks: list[_Track] = []

    def __call__(self, pixels: Pixels, faces: list[Face]) -> list[tuple[Face, float]]:
        """Follows the faces into the next frame.

        Args:
            pixels: The frame, (H, W, 3) uint8 RGB.
            faces: Faces detected in it, uncertain ones included.

        Returns:
            Faces with smoothed landmarks, each with its visibility, 0 to 1. A face that was not
            detected is kept for some frames while its place in the image looks as before.
        """
        pairs, missed, new = self._match(faces)
        followed = [
            _Track(
                _steadied(track.face, face),
                min(1.0, track.visibility + 1 / FADE_FRAMES),
                _appearance(pixels, face),
            )
            for track, face in pairs
        ]
        for track in missed:
            visibility = track.visibility - 1 / FADE_FRAMES
            if (
                visibility > 0
                and _correlation(_appearance(pixels, track.face), track.appearance)
                >= MIN_CORRELATION
            ):
                followed.append(_Track(track.face, visibility, track.appearance))
        is_cut = not followed
        for face in new:
            if face.score >= self._confidence:
                visibility = 1.0 if is_cut else 1 / FADE_FRAMES
                followed.append(_Track(face, visibility, _appearance(pixels, face)))
        self._tracks = followed
        return [(track.face, track.visibility) for track in followed]

    def _match(
        self, faces: list[Face]
    ) -> tuple[list[tuple[_Track, Face]], list[_Track], list[Face]]:
        """Returns pairs that overlap most, tracks without a face, and faces without a track."""
        candidates = sorted(
            (
                (track.face.overlap(face), i, j)
                for i, track in enumerate(self._tracks)
                for j, face in enumerate(faces)
            ),
            reverse=True,
        )
        taken: dict[int, int] = {}
        for overlap, i, j in candidates:
            if overlap >= MIN_OVERLAP and i not in taken and j not in taken.values():
                taken[i] = j
        return (
            [(self._tracks[i], faces[j]) for i, j in sorted(taken.items())],
            [track for i, track in enumerate(self._tracks) if i not in taken],
            [face for j, face in enumerate(faces) if j not in taken.values()],
        )


def _steadied(before: Face, now: Face) -> Face:
    """Smooths box and landmarks: large displacements are followed, small ones damped."""
    movement = float(np.abs(now.landmarks - before.landmarks).max()) / max(now.side, 1)
    gain = JITTER_GAIN + (MOTION_GAIN - JITTER_GAIN) * min(1.0, movement / MOTION_THRESHOLD)
    left, top, right, bottom = (
        old + gain * (new - old) for old, new in zip(before.box, now.box, strict=True)
    )
    return replace(
        now,
        box=(left, top, right, bottom),
        landmarks=before.landmarks + gain * (now.landmarks - before.landmarks),
    )


def _appearance(pixels: Pixels, face: Face) -> NDArray[np.float32]:
    """Returns a gray view of an aligned face, (APPEARANCE_SIDE, APPEARANCE_SIDE) float32.

    The view has mean 0 and norm 1; it is 0 if the face cannot be aligned.
    """
    try:
        view = crop_face(pixels, alignment(face.landmarks))
    except RealesrError:
        return np.zeros((APPEARANCE_SIDE, APPEARANCE_SIDE), np.float32)
    gray = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (APPEARANCE_SIDE, APPEARANCE_SIDE), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32) - small.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float((one * other).sum())
