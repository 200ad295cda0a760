"""Faces from frame to frame, so that neither boxes nor faces flicker."""

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
"""Intersection over union from which on two boxes are of the same face."""
FADE_FRAMES = 5
"""How many frames a face takes to come, where it was not from the start, and to go."""
JITTER_GAIN, MOTION_GAIN = 0.3, 1.0
"""Smoothing gain for displacements near 0 and for those of at least ``MOTION_THRESHOLD``; linear in
between."""
MOTION_THRESHOLD = 0.05
"""Displacement that counts as movement, in sides of the face."""
LOOK_SIDE = 32
MIN_LIKENESS = 0.7
"""Correlation of two views of a face, LOOK_SIDE px a side, below which it is another scene."""


@dataclass(slots=True)
class _Track:
    face: Face
    presence: float
    look: NDArray[np.float32]


class Tracker:
    """Follows the faces of a video.

    Args:
        confidence: Score from which on a face is believed that was not there before. One that was
            is followed with less.
    """

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence
        self._tracks: list[_Track] = []

    def __call__(self, pixels: Pixels, faces: list[Face]) -> list[tuple[Face, float]]:
        """Follows them into the next frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, the frame.
            faces: What was found in it, also what is not sure.

        Returns:
            Faces with steadied landmarks, and how much of each is to be shown, 0 to 1. One that was
            missed is held for some frames, as long as its place looks as before.
        """
        pairs, missed, new = self._match(faces)
        followed = [
            _Track(
                _steadied(track.face, face),
                min(1.0, track.presence + 1 / FADE_FRAMES),
                _look(pixels, face),
            )
            for track, face in pairs
        ]
        for track in missed:
            presence = track.presence - 1 / FADE_FRAMES
            if presence > 0 and _likeness(_look(pixels, track.face), track.look) >= MIN_LIKENESS:
                followed.append(_Track(track.face, presence, track.look))
        is_cut = not followed
        for face in new:
            if face.score >= self._confidence:
                presence = 1.0 if is_cut else 1 / FADE_FRAMES
                followed.append(_Track(face, presence, _look(pixels, face)))
        self._tracks = followed
        return [(track.face, track.presence) for track in followed]

    def _match(
        self, faces: list[Face]
    ) -> tuple[list[tuple[_Track, Face]], list[_Track], list[Face]]:
        """Pairs that overlap most, tracks without a face, and faces without a track."""
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
    """Follows movement, and only a part of trembling."""
    movement = float(np.abs(now.landmarks - before.landmarks).max()) / max(now.side, 1)
    share = JITTER_GAIN + (MOTION_GAIN - JITTER_GAIN) * min(1.0, movement / MOTION_THRESHOLD)
    left, top, right, bottom = (
        old + share * (new - old) for old, new in zip(before.box, now.box, strict=True)
    )
    return replace(
        now,
        box=(left, top, right, bottom),
        landmarks=before.landmarks + share * (now.landmarks - before.landmarks),
    )


def _look(pixels: Pixels, face: Face) -> NDArray[np.float32]:
    """A small gray view of the face's place, of mean 0 and length 1."""
    try:
        view = crop_face(pixels, alignment(face.landmarks))
    except RealesrError:
        return np.zeros((LOOK_SIDE, LOOK_SIDE), np.float32)
    gray = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (LOOK_SIDE, LOOK_SIDE), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32) - small.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float((one * other).sum())
